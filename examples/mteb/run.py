"""Runs the real `mteb` package against a running `neodex serve`, on tasks from local files.

    neodex serve &
    pip install mteb
    python examples/mteb/run.py eval/tests/mteb --url http://127.0.0.1:7331 --output results-mteb

The server embeds (`POST /v1/embeddings`); `mteb` does everything else. `neodex eval mteb DIR` should print the same scores,
clustering apart, whose k-means draws other random numbers.
"""

import argparse
import json
import os
import urllib.request
from pathlib import Path

import mteb
import numpy as np
from mteb.models import ModelMeta
from mteb.models.model_meta import ScoringFunction
from mteb.models.abs_encoder import AbsEncoder
from mteb.types import PromptType

from local_tasks import local_tasks

BATCH = 64


class Server(AbsEncoder):
    """An encoder that asks a neodex server."""

    def __init__(self, url, key=None):
        self.url, self.key = url.rstrip("/"), key
        info = self.ask("/info")
        self.mteb_model_meta = ModelMeta.create_empty(
            overwrites={
                "name": f"neodex/{info['model_id'].split('/')[-1]}",
                "revision": info.get("model_sha") or "local",
                "similarity_fn_name": ScoringFunction.COSINE,
                "framework": ["API"],
                "modalities": ["text"],
            }
        )

    def ask(self, route, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + route, data, {"Content-Type": "application/json"})
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **kwargs):
        # What is only compared with its like is asked as queries are, as `neodex eval mteb` does it.
        role = "document" if prompt_type == PromptType.document else "query"
        texts = [text for batch in inputs for text in batch["text"]]
        vectors = []
        for start in range(0, len(texts), BATCH):
            # Some servers take no empty text; a space is one to every tokenizer.
            some = [text or " " for text in texts[start : start + BATCH]]
            answer = self.ask("/v1/embeddings", {"input": some, "model": "neodex", "input_type": role})
            vectors += [item["embedding"] for item in sorted(answer["data"], key=lambda item: item["index"])]
        return np.asarray(vectors, dtype=np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of task folders, as for `neodex eval mteb`")
    parser.add_argument("--url", default="http://127.0.0.1:7331", help="where the server listens")
    parser.add_argument("--output", type=Path, default=Path("results-mteb"), help="where results are written")
    arguments = parser.parse_args()
    model = Server(arguments.url, os.environ.get("NEODEX_API_KEY"))
    cache = mteb.ResultCache(arguments.output)
    results = mteb.evaluate(model, local_tasks(arguments.folder), cache=cache, overwrite_strategy="always")
    for result in results.task_results:
        print(f"{result.task_name:32} {result.get_score():.6f}")


if __name__ == "__main__":
    main()
