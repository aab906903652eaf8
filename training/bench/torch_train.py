"""Training steps of neodex and of a plain PyTorch NeoBERT at the same shapes, one after the other on the same device.

    python3 torch_train.py path/to/neodex
    python3 torch_train.py path/to/neodex --device cpu --work 4x128:256:2048 --steps 3

A piece of work is LAYERSxHIDDEN:LENGTH:TOKENS, the last being the tokens of a step. Both train on random tokens without padding, a fifth of
them predicted, logits of those rows only: forward, backward, clipping and AdamW over f32 weights. On a GPU both compute in bf16: PyTorch
through autocast, with scaled_dot_product_attention and its fused AdamW, and once more with compiled blocks if that takes no longer than
--compile-seconds. The share of the peak (MFU) counts what the model needs, in the same way for both.

On a CPU both can be measured in several precisions, each `--turns` times one after the other, of which the fastest step counts. The table also
has the processor's time of that step, which another process beside it does not lengthen (of neodex the difference between a run of many
steps and one of few), and the most memory held, of PyTorch without what importing it takes.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time

HEAD = 64
MASKED = 0.2
GPU_WORK = "12x384:512:65536,28x768:1024:32768,28x768:4096:32768"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("neodex", nargs="?", help="the binary; without it PyTorch alone is measured")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--work", default=GPU_WORK, help=f"comma-separated [default: {GPU_WORK}]")
    parser.add_argument("--vocab-size", type=int, default=24_576)
    parser.add_argument("--steps", type=int, default=4, help="steps that are timed, after some that are not")
    parser.add_argument("--peak-tflops", type=float, default=989.0, help="of the device in bf16 [default: 989, a Hopper GPU's]")
    parser.add_argument("--plain-seconds", type=float, default=40, help="the most that PyTorch's plain rows may take")
    parser.add_argument("--compile-seconds", type=float, default=20, help="the most that compiled blocks may take; 0 leaves them out")
    parser.add_argument("--threads", type=int, help="of PyTorch on a CPU [default: as many as it likes]")
    parser.add_argument("--compute", default="f32,bf16x2", help="what neodex computes in on a CPU [default: f32,bf16x2]")
    parser.add_argument("--matmul-precision", default="highest", help="PyTorch's float32_matmul_precision on a CPU: highest, high, medium [default: highest]")
    parser.add_argument("--turns", type=int, default=1, help="how often everything is measured on a CPU")
    parser.add_argument("--checkpoint", action="store_true", help="activation checkpointing in both")
    parser.add_argument("--only", choices=["plain", "compiled"], help=argparse.SUPPRESS)
    return parser.parse_args()


def work(text):
    shape, length, tokens = text.split(":")
    layers, hidden = shape.split("x")
    return int(layers), int(hidden), int(length), max(1, int(tokens) // int(length))


def inner(hidden):
    return 8 * math.ceil(2 * (4 * hidden) // 3 / 8)


def flops_per_token(layers, hidden, length, vocabulary):
    layer = 2 * (4 * hidden * hidden + 3 * hidden * inner(hidden)) + 4 * length * hidden
    return 3 * (layers * layer + 2 * MASKED * hidden * vocabulary)


def model(torch, layers, hidden, vocabulary, length, checkpoint):
    from torch import nn
    from torch.nn import functional
    from torch.utils.checkpoint import checkpoint as recomputed

    def rotate(x, turns):
        pairs = x.float().unflatten(-1, (-1, 2))
        even, odd = pairs.unbind(-1)
        cos, sin = turns
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2).type_as(x)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention_norm, self.ffn_norm = nn.RMSNorm(hidden, eps=1e-5), nn.RMSNorm(hidden, eps=1e-5)
            self.qkv, self.wo = nn.Linear(hidden, 3 * hidden, bias=False), nn.Linear(hidden, hidden, bias=False)
            self.w12 = nn.Linear(hidden, 2 * inner(hidden), bias=False)
            self.w3 = nn.Linear(inner(hidden), hidden, bias=False)

        def forward(self, x, cos, sin):
            qkv = self.qkv(self.attention_norm(x)).unflatten(-1, (hidden // HEAD, 3 * HEAD))
            q, k, v = (part.transpose(1, 2) for part in qkv.chunk(3, -1))
            q, k = rotate(q, (cos, sin)), rotate(k, (cos, sin))
            seen = functional.scaled_dot_product_attention(q, k, v)
            x = x + self.wo(seen.transpose(1, 2).flatten(-2))
            gate, up = self.w12(self.ffn_norm(x)).chunk(2, -1)
            return x + self.w3(functional.silu(gate) * up)

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(vocabulary, hidden, padding_idx=0)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.RMSNorm(hidden, eps=1e-5)
            self.decoder = nn.Linear(hidden, vocabulary)
            for parameter in self.parameters():
                if parameter.dim() == 2:
                    nn.init.uniform_(parameter, -0.02, 0.02)
            angles = torch.outer(torch.arange(length).float(), 10_000 ** (-torch.arange(0, HEAD, 2) / HEAD))
            self.register_buffer("cos", angles.cos())
            self.register_buffer("sin", angles.sin())

        def forward(self, ids, rows, labels):
            x = self.embedding(ids)
            for block in self.blocks:
                if checkpoint:
                    x = recomputed(block, x, self.cos, self.sin, use_reentrant=False)
                else:
                    x = block(x, self.cos, self.sin)
            logits = self.decoder(self.norm(x).flatten(0, 1)[rows])
            return functional.cross_entropy(logits.float(), labels)

    return Masked()


def measure(given, text, compiled, imported):
    import torch

    if given.threads:
        torch.set_num_threads(given.threads)
    gpu = given.device == "cuda"
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    torch.manual_seed(0)
    if not gpu:
        torch.set_float32_matmul_precision(given.matmul_precision)
    torch.backends.cuda.matmul.allow_tf32 = True
    layers, hidden, length, sequences = work(text)
    net = model(torch, layers, hidden, given.vocab_size, length, given.checkpoint).to(given.device)
    started = time.perf_counter()
    if compiled:
        for block in net.blocks:
            block.compile(dynamic=False)
    adamw = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True)
    ids = torch.randint(1, given.vocab_size, (sequences, length), device=given.device)
    rows = torch.nonzero(torch.rand(sequences * length, device=given.device) < MASKED).flatten()
    labels = torch.randint(1, given.vocab_size, rows.shape, device=given.device)
    wait = torch.cuda.synchronize if gpu else lambda: None

    def step():
        with torch.autocast("cuda", torch.bfloat16, enabled=gpu):
            loss = net(ids, rows, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)
        return loss

    step()
    wait()
    first = time.perf_counter() - started
    if gpu:
        step()
    wait()
    started, processor = time.perf_counter(), time.process_time()
    for _ in range(given.steps):
        loss = step()
    wait()
    seconds = (time.perf_counter() - started) / given.steps
    processor = (time.process_time() - processor) / given.steps
    speed = sequences * length / seconds
    row = {
        "what": "compiled" if compiled else "plain",
        "work": text,
        "step_ms": round(1e3 * seconds, 2),
        "tokens_per_second": round(speed, 1),
        "tflops": round(speed * flops_per_token(layers, hidden, length, given.vocab_size) / 1e12, 3),
        "first_step_s": round(first, 2),
        "loss": round(loss.item(), 4),
        "torch": torch.__version__,
    }
    if gpu:
        row["device"] = torch.cuda.get_device_name()
        row["peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    else:
        row["processor_ms"] = round(1e3 * processor, 2)
        row["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3 - imported)
    print(json.dumps(row), flush=True)


def neodex(given, text, compute=None):
    layers, hidden, length, sequences = work(text)
    command = [given.neodex, "--json", "--device", given.device, "train", "bench", "--shape", f"{layers}x{hidden}"]
    command += ["--length", str(length), "--tokens", str(sequences * length), "--vocab-size", str(given.vocab_size)]
    command += ["--activation-checkpointing"] * given.checkpoint + (["--compute", compute] if compute else [])
    environment = dict(os.environ, **({"RAYON_NUM_THREADS": str(given.threads)} if given.threads else {}))

    def run(steps):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.run([*command, "--steps", str(steps)], check=True, stdout=subprocess.PIPE, env=environment).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return json.loads(out)["rows"][0], after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    row, seconds = run(given.steps)
    if given.device == "cpu":
        few = run(1)[1] if given.steps > 1 else 0.0
        row["processor_ms"] = 1e3 * (seconds - few) / max(1, given.steps - 1)
        row["peak_mb"] = row["peak_memory_bytes"] / 1e6
    print(json.dumps({"what": "neodex", "work": text, **row}), flush=True)
    return row


def torch_rows(given, what, limit, precision="highest"):
    """Rows of a process of its own, so that one that takes too long, or finds no compiler, costs no other row."""
    options = ["--device", given.device, "--work", given.work, "--vocab-size", str(given.vocab_size), "--steps", str(given.steps)]
    options += ["--matmul-precision", precision]
    options += ["--checkpoint"] * given.checkpoint + (["--threads", str(given.threads)] if given.threads else [])
    command = [sys.executable, __file__, "--only", what, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        errors = f"stopped after {limit:.0f} s"
    print(out, end="", flush=True)
    if errors.strip():
        print(f"PyTorch, {what}: {errors.strip().splitlines()[-1]}", flush=True)
    return {row["work"]: row for row in map(json.loads, filter(None, out.splitlines()))}


def main():
    given = arguments()
    pieces = given.work.split(",")
    if given.only:
        import torch  # noqa: F401  (what this takes is not the model's)

        imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        for text in pieces:
            try:
                measure(given, text, given.only == "compiled", imported)
            except RuntimeError as error:
                print(f"{text}: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        return
    if given.device == "cpu":
        return on_a_cpu(given, pieces)
    ours = {}
    for text in pieces if given.neodex else []:
        try:
            ours[text] = neodex(given, text)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"neodex, {text}: {error}", flush=True)
    plain = torch_rows(given, "plain", given.plain_seconds)
    compiled = torch_rows(given, "compiled", given.compile_seconds) if given.compile_seconds else {}

    def cell(row, what):
        if row is None:
            return "-"
        return f"{row[what]:,.0f}" if what != "tflops" else f"{row[what] / given.peak_tflops:.1%}"

    def ratio(row, other):
        return f"{row['tokens_per_second'] / other['tokens_per_second']:.2f}" if row and other else "-"

    print("\n| work | neodex tokens/s | MFU | PyTorch tokens/s | MFU | compiled tokens/s | MFU | neodex / PyTorch | neodex / compiled |")
    print("|---|---|---|---|---|---|---|---|---|")
    for text in pieces:
        rows = [ours.get(text), plain.get(text), compiled.get(text)]
        cells = [cell(row, what) for row in rows for what in ("tokens_per_second", "tflops")]
        print("| " + " | ".join([text, *cells, ratio(rows[0], rows[1]), ratio(rows[0], rows[2])]) + " |")


def on_a_cpu(given, pieces):
    """A table of the fastest step of each in each precision."""
    best = {}

    def keep(text, what, row):
        if (text, what) not in best or row["step_ms"] < best[text, what]["step_ms"]:
            best[text, what] = row

    for _ in range(given.turns):
        for compute in given.compute.split(",") if given.neodex else []:
            for text in pieces:
                keep(text, f"neodex {compute}", neodex(given, text, compute))
        for precision in given.matmul_precision.split(","):
            for text, row in torch_rows(given, "plain", given.plain_seconds, precision).items():
                keep(text, f"PyTorch {precision}", row)
    print("\n| work | what | ms a step | processor ms | MB | times PyTorch's speed, clock | processor |")
    print("|---|---|---|---|---|---|---|")
    base = f"PyTorch {given.matmul_precision.split(',')[0]}"
    for text in pieces:
        for (other, what), row in best.items():
            if other == text:
                figures = [f"{row[figure]:,.0f}" for figure in ("step_ms", "processor_ms", "peak_mb")]
                against = best.get((text, base))
                ratios = [f"{against[figure] / row[figure]:.2f}" if against else "-" for figure in ("step_ms", "processor_ms")]
                print("| " + " | ".join([text, what, *figures, *ratios]) + " |")


if __name__ == "__main__":
    main()
