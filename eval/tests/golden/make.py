"""Works out the golden numbers beside this file with the reference libraries.

    pip install "mteb==2.26.24" scikit-learn scipy
    python eval/tests/golden/make.py

Writes the small tasks in `eval/tests/mteb` and, in this folder, `metrics.json` (inputs and scikit-learn's or SciPy's answers)
and `mteb.json` (a vector for every text of those tasks, and what the `mteb` package makes of them).
"""

import json
import random
import sys
from pathlib import Path

import mteb
import numpy as np
from mteb.abstasks import AbsTaskPairClassification
from mteb.models import ModelMeta
from mteb.models.model_meta import ScoringFunction
from mteb.models.abs_encoder import AbsEncoder
from scipy.stats import pearsonr, spearmanr
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).parent
TASKS = HERE.parent / "mteb"
sys.path.insert(0, str(HERE.parents[2] / "examples" / "mteb"))
from local_tasks import local_tasks  # noqa: E402

DIMENSION = 6
random.seed(20)
generator = np.random.default_rng(20)


def rounded(values):
    return [round(float(value), 4) for value in values]


def metric_cases():
    cases = {"labels": [], "binary": [], "clusters": [], "correlation": [], "logistic": []}
    for classes, size in [(2, 40), (4, 60), (3, 7)]:
        truth = [random.randrange(classes) for _ in range(size)]
        found = [label if random.random() < 0.6 else random.randrange(classes) for label in truth]
        averaged = {
            f"{name}_{average}": float(of(truth, found, average=average, zero_division=0))
            for average in ("macro", "weighted")
            for name, of in [
                ("f1", metrics.f1_score),
                ("precision", metrics.precision_score),
                ("recall", metrics.recall_score),
            ]
        }
        cases["labels"].append(
            {
                "truth": truth,
                "found": found,
                "accuracy": float(metrics.accuracy_score(truth, found)),
                "matthews": float(metrics.matthews_corrcoef(truth, found)),
                "f1_of_1": float(metrics.f1_score(truth, found, labels=[1], average="macro", zero_division=0)),
                **averaged,
            }
        )
    for size, ties in [(30, False), (50, True), (8, True)]:
        truth = [random.random() < 0.4 for _ in range(size)]
        truth[0], truth[1] = True, False
        scores = [round(0.4 * one + random.random(), 1 if ties else 6) for one in truth]
        cases["binary"].append({"truth": truth, "scores": scores, **best_of(scores, truth)})
    for classes, clusters, size in [(3, 3, 30), (5, 2, 40), (1, 3, 6)]:
        truth = [random.randrange(classes) for _ in range(size)]
        found = [random.randrange(clusters) if random.random() < 0.5 else label % clusters for label in truth]
        homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(truth, found)
        cases["clusters"].append(
            {"truth": truth, "found": found, "homogeneity": homogeneity, "completeness": completeness, "v_measure": v_measure}
        )
    for size, places in [(12, 3), (25, 0)]:
        left = [round(random.random() * 5, places) for _ in range(size)]
        right = [round(value + random.random() * 4, places) for value in left]
        cases["correlation"].append(
            {
                "left": left,
                "right": right,
                "pearson": float(pearsonr(left, right)[0]),
                "spearman": float(spearmanr(left, right)[0]),
            }
        )
    for classes, size in [(2, 24), (4, 40)]:
        centres = generator.normal(size=(classes, DIMENSION))
        draw = lambda count: [(label, centres[label] + 0.9 * generator.normal(size=DIMENSION)) for label in generator.integers(classes, size=count)]
        train, test = draw(size), draw(60)
        train = [(label, rounded(vector)) for label, vector in train]
        test = [rounded(vector) for _, vector in test]
        fitted = LogisticRegression(max_iter=100, random_state=42)
        fitted.fit([vector for _, vector in train], [label for label, _ in train])
        cases["logistic"].append(
            {
                "classes": classes,
                "labels": [int(label) for label, _ in train],
                "vectors": [vector for _, vector in train],
                "test": test,
                "predictions": [int(label) for label in fitted.predict(test)],
            }
        )
    return cases


def best_of(scores, truth):
    class Pairs(AbsTaskPairClassification):
        def __init__(self):
            pass

    found = Pairs()._compute_metrics_values(scores, np.array(truth, dtype=int), True)
    return {name: float(value) for name, value in found.items()}


WORDS = "river stone lamp harbour thread violet engine meadow copper signal ladder winter orchard compass".split()


def sentence(topic):
    return " ".join([topic] + random.choices(WORDS, k=4))


def write(name, files):
    for file, records in files.items():
        path = TASKS / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(records, str):
            path.write_text(records)
        else:
            path.write_text("".join(json.dumps(record) + "\n" for record in records))


def write_tasks():
    topics = ["bread", "tides", "chess"]
    # Some texts are about something else than their label, so that no score is 1.
    about = lambda number, topics: random.choice(topics) if random.random() < 0.4 else topics[number % len(topics)]
    labelled = lambda count: [{"text": sentence(about(number, topics)), "label": number % 3} for number in range(count)]
    write("Topics", {"train.jsonl": labelled(45), "test.jsonl": labelled(30), "task.json": '{"samples_per_label": 6, "experiments": 4}\n'})
    liked = lambda count: [{"text": sentence(about(number, ["fine", "poor"])), "label": number % 2} for number in range(count)]
    write("Liked", {"train.jsonl": liked(40), "test.jsonl": liked(24)})
    # Heaps so far apart that any seed finds them, and a label in ten that does not say what the text is about.
    sets = []
    for size, kinds in [(30, 3), (17, 2)]:
        labels = [topics[number % kinds] for number in range(size)]
        told = [topics[(number + (number % 10 == 9)) % kinds] for number in range(size)]
        sets.append({"sentences": [" ".join([topic] * 8 + random.choices(WORDS, k=2)) for topic in told], "labels": labels})
    write("Heaps", {"test.jsonl": sets})
    pairs = []
    for number in range(40):
        same = number % 2
        first = random.choice(topics)
        second = first if same else random.choice([topic for topic in topics if topic != first])
        pairs.append({"sentence1": sentence(first), "sentence2": sentence(second), "labels": same})
    write("Pairs", {"test.jsonl": pairs})
    ranked = []
    for number in range(8):
        topic = topics[number % 3]
        others = [other for other in topics if other != topic]
        ranked.append(
            {
                "query": sentence(topic),
                "positive": [sentence(topic) for _ in range(1 + number % 3)],
                "negative": [sentence(random.choice(others)) for _ in range(5)],
            }
        )
    write("Ranked", {"test.jsonl": ranked})
    similar = []
    for number in range(25):
        score = random.randrange(6)
        first = random.choices(WORDS, k=5)
        # Never the same text: cosines of 1 differ in their last bit from one way of computing to another, and ranks with them.
        second = first[:score] + random.choices(WORDS, k=6 - score)
        similar.append({"sentence1": " ".join(first), "sentence2": " ".join(second), "score": score + 0.2 * (number % 3)})
    write("Similar", {"test.jsonl": similar})
    summaries = []
    for _ in range(5):
        topic = random.choice(topics)
        relevance = [round(random.random() * 4 + 1, 2) for _ in range(6)]
        summaries.append(
            {
                "text": sentence(topic),
                "human_summaries": [sentence(topic) for _ in range(3)],
                "machine_summaries": [sentence(random.choice(topics)) for _ in relevance],
                "relevance": relevance,
            }
        )
    write("Summaries", {"test.jsonl": summaries})
    corpus = [{"_id": f"d{number}", "title": topics[number % 3] if number % 2 else "", "text": sentence(topics[number % 3])} for number in range(40)]
    queries = [{"_id": f"q{number}", "text": sentence(topics[number % 3])} for number in range(9)]
    judged = "query-id\tcorpus-id\tscore\n"
    for number in range(9):
        for document in random.sample(range(number % 3, 40, 3), 4):
            judged += f"q{number}\td{document}\t{1 + document % 2}\n"
    write("Found", {"corpus.jsonl": corpus, "queries.jsonl": queries, "qrels/test.tsv": judged})


class Lookup(AbsEncoder):
    """Vectors that depend on the words and on nothing else; topics lie apart."""

    def __init__(self):
        self.words, self.vectors = {}, {}
        self.mteb_model_meta = ModelMeta.create_empty(overwrites={"name": "golden/lookup", "revision": "1", "similarity_fn_name": ScoringFunction.COSINE})

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **kwargs):
        texts = [text.strip() for batch in inputs for text in batch["text"]]
        return np.asarray([self.vector(text) for text in texts], dtype=np.float32)

    def vector(self, text):
        if text not in self.vectors:
            scale = lambda word: 1.0 if word in WORDS else 2.5
            parts = [scale(word) * self.word(word) for word in text.split()]
            self.vectors[text] = rounded(sum(parts) / len(parts))
        return self.vectors[text]

    def word(self, word):
        if word not in self.words:
            seed = int.from_bytes(word.encode()[:8].ljust(8, b"."), "little")
            self.words[word] = np.random.default_rng(seed).normal(size=DIMENSION)
        return self.words[word]


def main():
    (HERE / "metrics.json").write_text(json.dumps(metric_cases()) + "\n")
    write_tasks()
    model, scores = Lookup(), {}
    for result in mteb.evaluate(model, local_tasks(TASKS), cache=None, show_progress_bar=False).task_results:
        (entry,) = result.scores["test"]
        plain = {name: value for name, value in entry.items() if isinstance(value, float) and value == value}
        scores[result.task_name] = {name: value for name, value in plain.items() if not name.startswith("nauc")}
    (HERE / "mteb.json").write_text(json.dumps({"vectors": model.vectors, "scores": scores}) + "\n")


if __name__ == "__main__":
    main()
