"""Asks a sentence-transformers BERT model for the vectors of a contrastive set's spans.

    python teach.py --tokenizer tokenizer.json --model all-MiniLM-L6-v2 --rotation rotation.npy SET...

For every SET folder (see training/src/data/set/mod.rs) this writes `teacher.f16`: one row a span, in the order of the spans. The model
folder holds config.json, tokenizer.json and model.safetensors; its vectors are the mean of the token states, of unit length. Spans are
turned back into text with the set's own vocabulary, so the text is lower case; a document's span is preceded by its context where the
set has any (`--with-context never` leaves it out). The rotation is fitted once, on the spans of the first set, so that the leading
dimensions carry most of the variance (principal axes without centring: dot products stay what they are), and is read again if its
file exists. Needs numpy, torch, tokenizers and transformers; nothing is fetched.
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
from transformers import BertConfig, BertModel


class SpanTexts:
    """The spans of a set as texts."""

    def __init__(self, folder: Path, vocabulary: dict, with_context: str):
        self.manifest = json.loads((folder / "set.json").read_text())
        self.tokens = np.fromfile(folder / "tokens.u16", "<u2")
        self.sequences = np.fromfile(folder / "sequences.u32", "<u4").reshape(-1, 5).astype(np.int64)
        self.spans = np.fromfile(folder / "spans.u32", "<u4").reshape(-1, 3).astype(np.int64)
        if len(self.spans) != self.manifest["spans"] or len(self.tokens) != self.manifest["tokens"]:
            raise SystemExit(f"{folder} is damaged: its files are not as long as set.json says")
        # Every token as it is appended to a text: a continuation as it is, anything else after a space.
        pieces = [""] * (1 + max(vocabulary.values()))
        for token, number in vocabulary.items():
            pieces[number] = token[2:] if token.startswith("##") and len(token) > 2 else " " + token
        self.pieces = np.array(pieces, dtype=object)
        self.with_context = with_context == "always" or (with_context == "auto" and bool(self.sequences[:, 3].any()))

    def __len__(self):
        return len(self.spans)

    def lengths(self):
        return self.spans[:, 2] - self.spans[:, 1]

    def text(self, tokens: np.ndarray) -> str:
        return "".join(self.pieces[tokens]).lstrip()

    def __getitem__(self, index: int) -> str:
        sequence, start, end = self.spans[index]
        low, high, _, context, role = self.sequences[sequence]
        first = low + (high << 32)
        text = self.text(self.tokens[first + start : first + end])
        if self.with_context and context and role == 1:
            text = f"{self.text(self.tokens[first : first + context])}. {text}"
        return text


def load_model(folder: Path, device: str, dtype: torch.dtype) -> BertModel:
    from safetensors.torch import load_file

    config = BertConfig.from_json_file(str(folder / "config.json"))
    config._attn_implementation = "sdpa"
    model = BertModel(config, add_pooling_layer=False)
    weights = {name.removeprefix("bert."): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    missing, _ = model.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=False)
    missing = [name for name in missing if not name.endswith(("position_ids", "token_type_ids"))]
    if missing:
        raise SystemExit(f"{folder / 'model.safetensors'} lacks {missing[:5]}")
    return model.to(device=device, dtype=dtype).eval()


def load_tokenizer(folder: Path, longest: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length=longest)
    tokenizer.no_padding()
    return tokenizer


@torch.inference_mode()
def embed_block(model, ids: np.ndarray, starts: np.ndarray, order: np.ndarray, budget: int, device: str, out: np.ndarray):
    """Embeds sequences `ids[starts[i]:starts[i + 1]]`, longest first, in batches of about `budget` tokens with padding."""
    lengths = np.diff(starts)
    ids_on_device = torch.from_numpy(ids).to(device)
    at, parts = 0, []
    while at < len(order):
        width = int(-(-lengths[order[at]] // 8) * 8)
        rows = order[at : at + max(1, budget // width)]
        begin = torch.from_numpy(starts[:-1][rows]).to(device, non_blocking=True)
        length = torch.from_numpy(lengths[rows]).to(device, non_blocking=True)
        column = torch.arange(width, device=device)
        mask = column < length[:, None]
        inputs = ids_on_device[(begin[:, None] + column).clamp_(max=len(ids) - 1)].long() * mask
        states = model(input_ids=inputs, attention_mask=mask.long()).last_hidden_state.float()
        mean = (states * mask[..., None]).sum(1) / length[:, None]
        parts.append(torch.nn.functional.normalize(mean, dim=-1).half())
        at += len(rows)
    out[order] = torch.cat(parts).cpu().numpy()


def fit_rotation(vectors: np.ndarray, device: str) -> np.ndarray:
    """An orthogonal matrix whose columns are the principal axes, largest variance first."""
    sample = torch.from_numpy(vectors).to(device)
    moment = torch.zeros(vectors.shape[1], vectors.shape[1], dtype=torch.float64, device=device)
    for part in sample.split(1 << 16):
        moment += part.double().T @ part.double()
    _, axes = torch.linalg.eigh(moment)
    return axes.flip(1).float().cpu().numpy()


def teach(folder: Path, model, tokenizer, vocabulary: dict, args, device: str) -> int:
    began = time.time()
    texts = SpanTexts(folder, vocabulary, args.with_context)
    count = len(texts) if args.limit is None else min(args.limit, len(texts))
    width = model.config.hidden_size
    vectors = np.empty((count, width), dtype=np.float16)
    # Neighbours in length share a batch; one block is tokenised while the model reads the one before.
    by_length = np.argsort(-texts.lengths()[:count], kind="stable")
    blocks = [by_length[start : start + args.block] for start in range(0, count, args.block)]

    def prepare(block: np.ndarray):
        rows = [encoding.ids for encoding in tokenizer.encode_batch_fast([texts[i] for i in block])]
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        return np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(starts[-1])), starts

    total, done = 0, 0
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(prepare, blocks[0]) if blocks else None
        for number, block in enumerate(blocks):
            ids, starts = waiting.result()
            waiting = pool.submit(prepare, blocks[number + 1]) if number + 1 < len(blocks) else None
            order = np.argsort(-np.diff(starts), kind="stable")
            out = np.empty((len(block), width), dtype=np.float16)
            embed_block(model, ids, starts, order, args.tokens_per_batch, device, out)
            vectors[block] = out
            total, done = total + len(ids), done + len(block)
            speed = total / (time.time() - began)
            print(f"{folder.name}: {done:,}/{count:,} spans, {speed:,.0f} tokens/s", flush=True)
    if args.rotation is not None:
        if not args.rotation.exists():
            np.save(args.rotation, fit_rotation(vectors, device))
        rotation = torch.from_numpy(np.load(args.rotation)).to(device)
        for start in range(0, count, 1 << 17):
            part = torch.from_numpy(vectors[start : start + (1 << 17)]).to(device).float()
            vectors[start : start + len(part)] = (part @ rotation).half().cpu().numpy()
    temporary = folder / "teacher.f16.partial"
    vectors.astype("<f2", copy=False).tofile(temporary)
    temporary.replace(folder / "teacher.f16")
    print(f"{folder.name}: {count:,} spans, {total:,} tokens in {time.time() - began:.1f} s", flush=True)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json the sets were made with (WordPiece)")
    parser.add_argument("--model", type=Path, required=True, help="folder of the teacher")
    parser.add_argument("--rotation", type=Path, help="fit the rotation into this file, or use the one that is there")
    parser.add_argument("--with-context", choices=["auto", "always", "never"], default="auto")
    parser.add_argument("--longest", type=int, default=256, help="tokens of the teacher a text is cut to")
    parser.add_argument("--tokens-per-batch", type=int, default=1 << 17)
    parser.add_argument("--block", type=int, default=1 << 16, help="spans that are tokenised at a time")
    parser.add_argument("--limit", type=int, help="only the first spans of each set, to try it out; the set will refuse the file")
    args = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(args.model, device, torch.float16 if device == "cuda" else torch.float32)
    tokenizer = load_tokenizer(args.model, args.longest)
    vocabulary = json.loads(args.tokenizer.read_text())["model"]["vocab"]
    for folder in args.sets:
        teach(folder, model, tokenizer, vocabulary, args, device)


if __name__ == "__main__":
    main()
