"""MTEB tasks made from local files: the folders that `neodex eval mteb` reads, without the hub.

Each folder becomes a class of the `mteb` package whose `load_data` reads the JSON Lines beside it. Kinds are told by the
records, as `neodex eval mteb` tells them; `task.json` may name the task, its split and its samples for each label.
"""

import json
from pathlib import Path

from datasets import Dataset, DatasetDict
from mteb.abstasks import (
    AbsTaskClassification,
    AbsTaskClusteringLegacy,
    AbsTaskPairClassification,
    AbsTaskRetrieval,
    AbsTaskSTS,
)
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.abstasks.text.summarization import AbsTaskSummarization

MAIN_SCORES = {
    "Classification": "accuracy",
    "Clustering": "v_measure",
    "PairClassification": "max_ap",
    "Reranking": "map_at_1000",
    "Retrieval": "ndcg_at_10",
    "STS": "cosine_spearman",
    "Summarization": "cosine_spearman",
}
BASES = {
    "Classification": AbsTaskClassification,
    "Clustering": AbsTaskClusteringLegacy,
    "PairClassification": AbsTaskPairClassification,
    "Reranking": AbsTaskRetrieval,
    "Retrieval": AbsTaskRetrieval,
    "STS": AbsTaskSTS,
    "Summarization": AbsTaskSummarization,
}


def local_tasks(folder):
    """A task for every subfolder of `folder` that holds one."""
    folders = [path for path in sorted(Path(folder).iterdir()) if path.is_dir()]
    return [local_task(path) for path in folders if (path / "test.jsonl").exists() or (path / "corpus.jsonl").exists()]


def local_task(path):
    """The task in the folder `path`."""
    settings = json.loads((path / "task.json").read_text()) if (path / "task.json").exists() else {}
    split = settings.get("split", "test")
    kind = settings.get("kind") or kind_of(path, split)
    metadata = TaskMetadata(
        name=settings.get("name", path.name),
        description="A task from local files.",
        type=kind,
        dataset={"path": str(path), "revision": settings.get("revision", "local")},
        category="t2t",
        eval_splits=[split],
        eval_langs=settings.get("languages", ["eng-Latn"]),
        main_score=MAIN_SCORES[kind],
    )
    members = {"metadata": metadata, "load_data": loader(path, split, kind)}
    if kind == "Classification":
        members["samples_per_label"] = settings.get("samples_per_label", 8)
        members["n_experiments"] = settings.get("experiments", 10)
    if kind == "Summarization":
        relevance = [score for record in lines(path / f"{split}.jsonl") for score in record["relevance"]]
        members["min_score"], members["max_score"] = min(relevance), max(relevance)
    return type(metadata.name, (BASES[kind],), members)()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def kind_of(path, split):
    if (path / "corpus.jsonl").exists():
        return "Retrieval"
    record = lines(path / f"{split}.jsonl")[0]
    for kind, keys in [
        ("Summarization", {"human_summaries"}),
        ("Reranking", {"query", "positive"}),
        ("STS", {"sentence1", "score"}),
        ("PairClassification", {"sentence1", "labels"}),
        ("Clustering", {"sentences", "labels"}),
        ("Classification", {"text", "label"}),
    ]:
        if keys <= record.keys():
            return kind
    raise ValueError(f"{path}: records with {sorted(record)} belong to no kind of task")


def loader(path, split, kind):
    def load_data(self, num_proc=None, **kwargs):
        if kind == "Retrieval":
            self.dataset = {"default": {split: retrieval(path, split)}}
        elif kind == "Reranking":
            self.dataset = {"default": {split: reranking(lines(path / f"{split}.jsonl"), split)}}
        else:
            names = [split, "train"] if kind == "Classification" else [split]
            data = {name: Dataset.from_list(lines(path / f"{name}.jsonl")) for name in names}
            self.dataset = DatasetDict(data)
        self.data_loaded = True

    return load_data


def retrieval(path, split):
    judged = path / "qrels" / f"{split}.tsv"
    rows = (judged if judged.exists() else path / "qrels.tsv").read_text().splitlines()
    relevant = {}
    for row in rows:
        query, document, grade = row.split("\t")
        if grade.lstrip("-").isdigit():
            relevant.setdefault(query, {})[document] = int(grade)
    corpus = [
        {"id": record["_id"], "title": record.get("title") or "", "text": record["text"]}
        for record in lines(path / "corpus.jsonl")
    ]
    queries = [
        {"id": record["_id"], "text": record["text"]}
        for record in lines(path / "queries.jsonl")
        if record["_id"] in relevant
    ]
    return {
        "corpus": Dataset.from_list(corpus),
        "queries": Dataset.from_list(queries),
        "relevant_docs": relevant,
        "top_ranked": None,
    }


def reranking(records, split):
    """Reranking as retrieval among each query's own documents, which is how `mteb` has it since its version 2."""
    corpus, queries, relevant, candidates = [], [], {}, {}
    for number, record in enumerate(records):
        query = f"{split}_query{number}"
        queries.append({"id": query, "text": record["query"]})
        texts = [(1, text) for text in record["positive"]] + [(0, text) for text in record["negative"]]
        relevant[query], candidates[query] = {}, []
        for place, (grade, text) in enumerate(texts):
            document = f"{'apositive' if grade else 'negative'}_{query}_{place:05}"
            corpus.append({"id": document, "title": "", "text": text})
            relevant[query][document] = grade
            candidates[query].append(document)
    return {
        "corpus": Dataset.from_list(corpus),
        "queries": Dataset.from_list(queries),
        "relevant_docs": relevant,
        "top_ranked": candidates,
    }
