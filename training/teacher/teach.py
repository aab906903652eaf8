"""Asks one or several sentence encoders for the vectors of a contrastive set's spans.

    python space.py --tokenizer tokenizer.json --model MINILM --model E5 --centre E5 --output space.npz SET...
    python teach.py --tokenizer tokenizer.json --model MINILM --model E5 --space space.npz SET...

For every SET folder (see training/src/data/set/mod.rs) this writes `teacher.f16`: one row a span, in the order of the spans. A model
folder holds config.json, tokenizer.json and model.safetensors of a BERT; its vectors are the mean of the token states. What it wants before
queries and documents is in a `prompts.json` beside them (`{"query": "query: ", "document": "passage: "}`). A weight `X` in 8 bits comes with
`X_scale`, one number a row.

The vectors of several teachers are brought to length 1 and laid beside each other, so that a dot product is the mean of the teachers'
cosines: encoders that were trained on different things err differently, and their mean was better than either on most collections it was
tried on. The space says what to take from each first (the mean of all its vectors, where a teacher's all point one way) and how to turn
the whole to the student's width; space.py fits it.

Spans are turned back into text with the set's own vocabulary, so the text is lower case; a document's span is preceded by its context
where the set has any (`--with-context never` leaves it out). Needs numpy, torch, tokenizers and transformers; nothing is fetched.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn.functional import normalize
from transformers import BertConfig, BertModel


class SpanTexts:
    """The spans of a set as texts."""

    def __init__(self, folder: Path, vocabulary: dict, with_context: str):
        manifest = json.loads((folder / "set.json").read_text())
        self.tokens = np.fromfile(folder / "tokens.u16", "<u2")
        self.sequences = np.fromfile(folder / "sequences.u32", "<u4").reshape(-1, 5).astype(np.int64)
        self.spans = np.fromfile(folder / "spans.u32", "<u4").reshape(-1, 3).astype(np.int64)
        if len(self.spans) != manifest["spans"] or len(self.tokens) != manifest["tokens"]:
            raise SystemExit(f"{folder} is damaged: its files are not as long as set.json says")
        # Every token as it is appended to a text: a continuation as it is, anything else after a space.
        pieces = [""] * (1 + max(vocabulary.values()))
        for token, number in vocabulary.items():
            pieces[number] = token[2:] if token.startswith("##") and len(token) > 2 else " " + token
        if "[UNK]" in vocabulary:
            pieces[vocabulary["[UNK]"]] = " unk"
        self.pieces = np.array(pieces, dtype=object)
        self.with_context = with_context == "always" or (with_context == "auto" and bool(self.sequences[:, 3].any()))

    def __len__(self):
        return len(self.spans)

    def lengths(self) -> np.ndarray:
        return self.spans[:, 2] - self.spans[:, 1]

    def are_documents(self) -> np.ndarray:
        """1 for a document's span, 0 for a query."""
        return self.sequences[self.spans[:, 0], 4]

    def text(self, tokens: np.ndarray) -> str:
        return "".join(self.pieces[tokens]).lstrip()

    def __getitem__(self, index: int) -> str:
        sequence, start, end = self.spans[index]
        low, high, _, context, role = self.sequences[sequence]
        first = low + (high << 32)
        text = self.text(self.tokens[first + start : first + end])
        if self.with_context and context and role == 1:
            text = f"{self.text(self.tokens[first : first + context])} . {text}"
        return text


class Teacher:
    """A BERT whose vectors are the mean of its states."""

    def __init__(self, folder: Path, device: str, longest: int):
        config = BertConfig.from_json_file(str(folder / "config.json"))
        config._attn_implementation = "sdpa"
        model = BertModel(config, add_pooling_layer=False)
        missing, _ = model.load_state_dict(weights(folder / "model.safetensors"), strict=False)
        missing = [name for name in missing if not name.endswith(("position_ids", "token_type_ids"))]
        if missing:
            raise SystemExit(f"{folder / 'model.safetensors'} lacks {missing[:5]}")
        self.name, self.width, self.device = folder.name, config.hidden_size, device
        self.model = model.to(device=device, dtype=torch.float16 if device == "cuda" else torch.float32).eval()
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(max_length=longest)
        self.tokenizer.no_padding()
        prompts = folder / "prompts.json"
        prompts = json.loads(prompts.read_text()) if prompts.exists() else {}
        self.prompts = [prompts.get("query", ""), prompts.get("document", "")]

    def read(self, texts: list, documents: np.ndarray):
        """The ids of texts one after the other, and where each starts."""
        rows = [self.prompts[document] + text for text, document in zip(texts, documents)]
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(rows)]
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        return np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(starts[-1])), starts

    @torch.inference_mode()
    def embed(self, ids: np.ndarray, starts: np.ndarray, budget: int) -> np.ndarray:
        """Vectors of sequences `ids[starts[i]:starts[i + 1]]`, longest first, in batches of about `budget` tokens with padding."""
        lengths = np.diff(starts)
        order = np.argsort(-lengths, kind="stable")
        ids_on_device = torch.from_numpy(ids).to(self.device)
        out, parts, at = np.empty((len(lengths), self.width), dtype=np.float16), [], 0
        while at < len(order):
            width = int(-(-lengths[order[at]] // 8) * 8)
            rows = order[at : at + max(1, budget // width)]
            begin = torch.from_numpy(starts[:-1][rows]).to(self.device)
            length = torch.from_numpy(lengths[rows]).to(self.device)
            column = torch.arange(width, device=self.device)
            mask = column < length[:, None]
            inputs = ids_on_device[(begin[:, None] + column).clamp_(max=len(ids) - 1)].long() * mask
            states = self.model(input_ids=inputs, attention_mask=mask.long()).last_hidden_state.float()
            parts.append(normalize((states * mask[..., None]).sum(1), dim=-1).half())
            at += len(rows)
        out[order] = torch.cat(parts).cpu().numpy()
        return out


def weights(path: Path) -> dict:
    from safetensors.torch import load_file

    found = {name.removeprefix("bert."): tensor.float() for name, tensor in load_file(path).items()}
    scales = {name.removesuffix("_scale"): scale for name, scale in found.items() if name.endswith("_scale")}
    return {name: tensor * scales[name][:, None] if name in scales else tensor for name, tensor in found.items()}


def side_by_side(parts: list, means: list, documents: np.ndarray, device: str) -> torch.Tensor:
    """The vectors of all teachers as one: the dot product of two is the mean of the teachers' cosines."""
    roles = torch.from_numpy(documents).to(device)
    whole = []
    for part, mean in zip(parts, means):
        part = normalize(torch.from_numpy(part).to(device).float(), dim=-1)
        if mean is not None:
            part = normalize(part - torch.from_numpy(mean).to(device)[roles], dim=-1)
        whole.append(part)
    return torch.cat(whole, 1) / len(whole) ** 0.5


def teach(folder: Path, teachers: list, vocabulary: dict, space: dict, args, device: str):
    began = time.time()
    texts = SpanTexts(folder, vocabulary, args.with_context)
    count = len(texts) if args.limit is None else min(args.limit, len(texts))
    documents = texts.are_documents()
    means = [space.get(f"mean-{teacher.name}") for teacher in teachers]
    rotation = torch.from_numpy(space["rotation"]).float().to(device)
    vectors = np.empty((count, rotation.shape[1]), dtype=np.float16)
    # Neighbours in length share a batch; one block is tokenised while the models read the one before.
    by_length = np.argsort(-texts.lengths()[:count], kind="stable")
    blocks = [by_length[start : start + args.block] for start in range(0, count, args.block)]

    def prepare(block: np.ndarray):
        found = [texts[i] for i in block]
        return [teacher.read(found, documents[block]) for teacher in teachers]

    total, done = 0, 0
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(prepare, blocks[0]) if blocks else None
        for number, block in enumerate(blocks):
            read = waiting.result()
            waiting = pool.submit(prepare, blocks[number + 1]) if number + 1 < len(blocks) else None
            parts = [teacher.embed(*found, args.tokens_per_batch) for teacher, found in zip(teachers, read)]
            joined = side_by_side(parts, means, documents[block], device)
            vectors[block] = normalize(joined @ rotation, dim=-1).half().cpu().numpy()
            total, done = total + sum(len(ids) for ids, _ in read), done + len(block)
            print(f"{folder.name}: {done:,}/{count:,} spans, {total / (time.time() - began):,.0f} tokens/s", flush=True)
    temporary = folder / "teacher.f16.partial"
    vectors.astype("<f2", copy=False).tofile(temporary)
    temporary.replace(folder / "teacher.f16")
    print(f"{folder.name}: {count:,} spans, {total:,} tokens in {time.time() - began:.1f} s", flush=True)


def arguments(description: str) -> argparse.ArgumentParser:
    """What asking teachers needs, whatever for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json the sets were made with (WordPiece)")
    parser.add_argument("--model", type=Path, required=True, action="append", help="folder of a teacher; may be given again")
    parser.add_argument("--with-context", choices=["auto", "always", "never"], default="auto")
    parser.add_argument("--longest", type=int, default=256, help="tokens of the teacher a text is cut to")
    parser.add_argument("--tokens-per-batch", type=int, default=1 << 17)
    return parser


def main():
    parser = arguments(__doc__)
    parser.add_argument("--space", type=Path, required=True, help="file that space.py made")
    parser.add_argument("--block", type=int, default=1 << 16, help="spans that are tokenised at a time")
    parser.add_argument("--limit", type=int, help="only the first spans of each set, to try it out; the set will refuse the file")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    space = dict(np.load(args.space))
    teachers = [Teacher(folder, device, args.longest) for folder in args.model]
    if space["rotation"].shape[0] != sum(teacher.width for teacher in teachers):
        raise SystemExit(f"{args.space} was fitted for vectors of {space['rotation'].shape[0]} numbers, not for these teachers")
    vocabulary = json.loads(args.tokenizer.read_text())["model"]["vocab"]
    for folder in args.sets:
        teach(folder, teachers, vocabulary, space, args, device)


if __name__ == "__main__":
    main()
