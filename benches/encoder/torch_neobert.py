"""A plain NeoBERT in PyTorch, to measure ours against: scaled_dot_product_attention, RMSNorm, rotary pairs, SwiGLU, bf16.

Random weights of a shape, random ids, padded batches, nothing compiled: what a user of PyTorch runs without further thought.
Prints one JSON row for each length, and with --mix (a file of token counts, one a line) rows for those lengths in batches of
--rows sequences, in the order of the file and sorted by length. `compare.py` calls it beside ours.

    python3 torch_neobert.py --shape 28x768 --lengths 512,1024,2048,4096 --mix lengths.txt
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

VOCABULARY = 30522
HEAD_DIM = 64
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


class Block(nn.Module):
    def __init__(self, width, inner, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.wo = nn.Linear(width, width, bias=False)
        self.w12 = nn.Linear(width, 2 * inner, bias=False)
        self.w3 = nn.Linear(inner, width, bias=False)
        self.attention_norm = nn.RMSNorm(width, eps=1e-5)
        self.ffn_norm = nn.RMSNorm(width, eps=1e-5)

    def forward(self, x, turns, mask):
        batch, length, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(batch, length, self.heads, 3 * (width // self.heads))
        q, k, v = qkv.chunk(3, dim=-1)  # (batch, length, heads, head_dim)
        q, k = rotated(q, turns), rotated(k, turns)
        mixed = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask)
        x = x + self.wo(mixed.transpose(1, 2).reshape(batch, length, width))
        gate, value = self.w12(self.ffn_norm(x)).chunk(2, dim=-1)
        return x + self.w3(F.silu(gate) * value)


class NeoBert(nn.Module):
    def __init__(self, layers, width, inner, most_tokens):
        super().__init__()
        heads = width // HEAD_DIM
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.blocks = nn.ModuleList(Block(width, inner, heads) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-5)
        frequencies = 1.0 / 10000.0 ** (torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        angles = torch.outer(torch.arange(most_tokens), frequencies)
        self.turns = torch.polar(torch.ones_like(angles), angles)  # (most_tokens, head_dim / 2), complex

    def forward(self, ids, lengths=None):
        """Mean states of right-padded ids (batch, length); `lengths` (batch,) where there is padding."""
        length = ids.shape[1]
        turns = self.turns[:length, None, :].to(ids.device)
        keep = mask = None
        if lengths is not None:
            keep = torch.arange(length, device=ids.device)[None, :] < lengths[:, None]
            mask = keep[:, None, None, :]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, turns, mask)
        x = self.norm(x).float()
        if keep is None:
            return x.mean(1)
        return (x * keep[:, :, None]).sum(1) / lengths[:, None]


def rotated(x, turns):
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2).type_as(x)


def inner_size(width):
    """Two thirds of four times the width, rounded up to a multiple of 8."""
    return -(-(2 * 4 * width // 3) // 8) * 8


def operations(layers, width, inner, lengths):
    """Of a forward pass over sequences of these lengths, padding not counted."""
    matrices = 2 * layers * (4 * width * width + 3 * width * inner) * sum(lengths)
    return matrices + 4 * layers * width * sum(length * length for length in lengths)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(work, least, device, warm=None):
    """Median time of a run, repeated for at least so long, after two to warm up or what stands in for them."""
    for prepare in [warm] if warm else [work, work]:
        prepare()
    wait(device)
    times = []
    while sum(times) < least or (len(times) < 3 and sum(times) < 4 * least):
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def product_speed(dtype, device, width=None):
    """Operations a second of a product of two random square matrices."""
    width = width or (8192 if device == "cuda" else 1024)
    a, b = (torch.rand(width, width, device=device, dtype=dtype) * 2 - 1 for _ in range(2))
    return 2 * width**3 / seconds(lambda: a @ b, 0.2, device)


def device_name(device):
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def rows(shape, lengths, mix=(), inner=None, tokens=65536, batch=64, least=1.0, precision="bf16", device="cuda", peak=None):
    """Measurements as dictionaries, one after the other: of `lengths`, `tokens` of them a batch, and of `mix`, `batch` sequences a batch."""
    dtype = DTYPES[precision]
    layers, width = (int(part) for part in shape.split("x"))
    inner = inner or inner_size(width)
    torch.manual_seed(0)
    with torch.device(device):
        model = NeoBert(layers, width, inner, max([*lengths, *mix])).to(dtype).eval()
    model.turns = model.turns.to(device)
    peak = peak or product_speed(dtype, device)

    def row(kind, all_lengths, work, warm=None, **more):
        took = seconds(work, least, device, warm)
        speed = operations(layers, width, inner, all_lengths) / took
        return {"engine": f"torch {torch.__version__}", "device": device_name(device), "shape": shape, "precision": precision,
                "lengths": kind, **more, "tokens_per_second": round(sum(all_lengths) / took), "tflops": round(speed / 1e12, 3),
                "peak_tflops": round(peak / 1e12, 3), "share_of_peak": round(speed / peak, 3)}

    with torch.inference_mode():
        for length in lengths:
            many = max(1, tokens // length)
            ids = torch.randint(1000, VOCABULARY, (many, length), device=device)
            yield row(length, [length] * many, lambda: model(ids))
        for order in ("sorted", "as given") if mix else ():
            ordered = list(mix) if order == "as given" else sorted(mix, reverse=True)
            batches = []
            for start in range(0, len(ordered), batch):
                own = torch.tensor(ordered[start:start + batch], device=device)
                batches.append((torch.randint(1000, VOCABULARY, (len(own), int(own.max())), device=device), own))
            largest = max(batches, key=lambda batch: batch[0].numel())
            padded = sum(ids.numel() for ids, _ in batches) / sum(mix)
            yield row("mix", mix, lambda: [model(*batch) for batch in batches], lambda: model(*largest), order=order,
                      sequences=len(mix), padded=round(padded, 2))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--shape", default="28x768", help="layers x width")
    arguments.add_argument("--inner", type=int, help="inner width [default: as NeoBERT's rule gives]")
    arguments.add_argument("--lengths", default="512,1024,2048,4096")
    arguments.add_argument("--mix", help="a file of token counts, one a line")
    arguments.add_argument("--tokens", type=int, default=65536, help="tokens of a batch of one length")
    arguments.add_argument("--rows", type=int, default=64, help="sequences of a batch of mixed lengths")
    arguments.add_argument("--seconds", type=float, default=1.0, help="least time of a measurement")
    arguments.add_argument("--dtype", choices=list(DTYPES), default="bf16")
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    given = arguments.parse_args()
    mix = [int(line) for line in open(given.mix)] if given.mix else []
    lengths = [int(length) for length in given.lengths.split(",") if length]
    found = rows(given.shape, lengths, mix, given.inner, given.tokens, given.rows, given.seconds, given.dtype, given.device)
    for row in found:
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
