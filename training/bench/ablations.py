"""Trains the paper's ablations M0 to M10 on a small scale and prints its table beside ours.

    python3 ablations.py path/to/neodex --data DIR --output runs/ablations

DIR holds `books/` and `web/`, folders of texts or files `books.jsonl.zst` and so on (`--books`, `--web`), and `pairs.jsonl`. Every model is
pretrained for the same number of tokens and then tuned on the pairs. Two figures are ours: the loss on held-out text, in nats a token
(BPE's tokens are others, so M3's is not to be compared with the rest), and the share of held-out queries whose own text comes first among
all of a batch. Runs that are there already are not repeated. Curves of the held-out loss go to OUTPUT/ablations.svg.
"""

import argparse
import html
import json
import subprocess
import sys
from pathlib import Path

# What changed, before which it was, the paper's GLUE average, and the shape that stands for the paper's here.
ROWS = [
    ("m0", "BERT base, norms first", "79.2", "base"),
    ("m1", "RoPE, SwiGLU, RMSNorm", "81.1", "base"),
    ("m2", "web text", "84.0", "base"),
    ("m3", "BPE (dropped)", "82.2", "base"),
    ("m4", "AdamW, cosine", "83.5", "base"),
    ("m5", "20 %, all [MASK]", "82.9", "base"),
    ("m6", "naive packing (dropped)", "80.5", "base"),
    ("m7", "twice the weights, wide", "85.3", "wide"),
    ("m8", "twice the weights, deep", "86.0", "deep"),
    ("m9", "larger batches, longer rows", "87.3", "long"),
    ("m10", "larger GLUE grid", "89.0", None),
]

# Layers, hidden size, heads: the proportions of 12x768, 16x1056 and 28x768.
SHAPES = {
    "tiny": {"base": (3, 96, 3), "wide": (4, 128, 4), "deep": (7, 96, 3)},
    "small": {"base": (6, 256, 4), "wide": (8, 352, 4), "deep": (14, 256, 4)},
    "paper": {"base": (12, 768, 12), "wide": (16, 1056, 16), "deep": (28, 768, 12)},
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("neodex", help="the binary")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--books", default="books", help="of DIR, what M0 and M1 read")
    parser.add_argument("--web", default="web", help="of DIR, what the others read")
    parser.add_argument("--pairs", default="pairs.jsonl", help="of DIR, what all are tuned on")
    parser.add_argument("--scale", choices=SHAPES, default="tiny")
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--length", type=int, default=128, help="of a row in tokens; M9's are eight times as long")
    parser.add_argument("--batch-tokens", type=int, default=2048, help="of a step; M9's is four times as large")
    parser.add_argument("--tokens", type=int, default=1_000_000, help="that every model is pretrained on")
    parser.add_argument("--pairs-steps", type=int, default=60)
    parser.add_argument("--peak-lr", default="1e-3", help="of AdamW's cosine; Adam's line gets a sixth, as in the paper")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", help="comma-separated, such as m0,m5")
    return parser.parse_args()


def keys(given, name, shape):
    long = shape == "long"
    layers, hidden, heads = SHAPES[given.scale]["deep" if long else shape]
    length = given.length * (8 if long else 1)
    batch = given.batch_tokens * (4 if long else 1)
    steps = max(10, given.tokens // batch)
    old = name in ("m0", "m1", "m2", "m3")
    corpus = given.books if name in ("m0", "m1") else given.web
    rate = float(given.peak_lr) / (6 if old else 1)
    return {
        "model.num_hidden_layers": layers,
        "model.hidden_size": hidden,
        "model.num_attention_heads": heads,
        "model.intermediate_size": 4 * hidden,
        "model.vocab_size": given.vocab_size,
        "model.max_length": max(512, length),
        "schedule.peak_lr": rate,
        "schedule.warmup_steps": max(1, steps // 20),
        "pretrain.stage.0.steps": steps,
        "pretrain.stage.0.length": length,
        "pretrain.stage.0.tokens_per_step": batch,
        "pretrain.stage.0.micro_batch_tokens": max(length, min(batch, 4096 if given.device == "cpu" else 65536)),
        "pretrain.stage.0.corpora": json_toml([{"path": corpus}]),
        "contrastive.sets": json_toml([{"path": given.pairs}]),
        "contrastive.steps": given.pairs_steps,
        "contrastive.batch": 32,
        "contrastive.micro_batch_tokens": 4096,
        "contrastive.query_tokens": 64,
        "contrastive.document_tokens": 128,
        "contrastive.peak_lr": 5e-4,
        "contrastive.warmup_steps": max(1, given.pairs_steps // 10),
        "run.eval_every_steps": max(1, steps // 10),
        "run.checkpoint_every_steps": 100_000,
        "run.heldout_documents": 200,
    }


def json_toml(tables):
    inside = ", ".join("{ " + ", ".join(f'{key} = "{value}"' for key, value in table.items()) + " }" for table in tables)
    return f"[{inside}]"


def run(given, name, shape):
    recipes = Path(__file__).resolve().parent.parent / "recipes" / "ablations"
    output = given.output / name
    if not (output / "done").is_file():
        sets = [f"--set={key}={value}" for key, value in keys(given, name, shape).items()]
        common = ["--recipe", recipes / "base.toml", "--overlay", recipes / f"{name}.toml", "--data", given.data]
        for part in ("pretrain", "contrastive"):
            command = [given.neodex, "train", part, *common, "--output", output, "--device", given.device, *sets]
            subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
        (output / "done").touch()
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    held = [row for row in rows if row["kind"] == "heldout"]
    steps = keys(given, name, shape)["pretrain.stage.0.tokens_per_step"]
    curve = [(row["step"] * steps, row["loss"]) for row in held if row["phase"] == "pretrain"]
    found = [row["accuracy"] for row in held if row["phase"] == "contrastive"]
    return curve, found[-1] if found else float("nan")


def draw(curves, path):
    """The held-out losses over the tokens read, as a picture."""
    width, height, left, bottom, right = 760, 420, 60, 40, 110
    xs = [x for curve in curves.values() for x, _ in curve]
    ys = [y for curve in curves.values() for _, y in curve]
    x_most, y_least, y_most = max(xs), min(ys), max(ys)
    at_x = lambda x: left + (width - left - right) * x / x_most
    at_y = lambda y: 15 + (height - bottom - 15) * (y_most - y) / max(y_most - y_least, 1e-9)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">']
    parts.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    for step in range(5):
        y = y_least + (y_most - y_least) * step / 4
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{at_y(y):.1f}" y2="{at_y(y):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{at_y(y) + 4:.1f}" text-anchor="end">{y:.2f}</text>')
        x = x_most * step / 4
        parts.append(f'<text x="{at_x(x):.1f}" y="{height - bottom + 16}" text-anchor="middle">{x / 1e6:.2f} M</text>')
    parts.append(f'<text x="{width / 2 - right / 2}" y="{height - 8}" text-anchor="middle">tokens read</text>')
    parts.append(f'<text x="14" y="{height / 2}" transform="rotate(-90 14 {height / 2})" text-anchor="middle">held-out loss</text>')
    for number, (name, curve) in enumerate(curves.items()):
        colour = f"hsl({number * 360 // max(len(curves), 1)} 70% 42%)"
        line = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        y = 24 + 16 * number
        parts.append(f'<line x1="{width - right + 14}" x2="{width - right + 34}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{width - right + 40}" y="{y}">{html.escape(name.upper())} {curve[-1][1]:.3f}</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]))


def main():
    given = arguments()
    given.output.mkdir(parents=True, exist_ok=True)
    only = given.only.split(",") if given.only else [name for name, *_ in ROWS]
    curves, table = {}, []
    for name, change, glue, shape in ROWS:
        if name not in only:
            continue
        if shape is None:
            table.append((name, change, glue, "as M9", "as M9"))
            continue
        print(f"{name}: {change}", file=sys.stderr, flush=True)
        curve, found = run(given, name, shape)
        curves[name] = curve
        table.append((name, change, glue, f"{curve[-1][1]:.3f}", f"{found:.3f}"))
        draw(curves, given.output / "ablations.svg")
    print("| | change | paper: GLUE | ours: held-out loss | ours: pairs found |\n|---|---|---|---|---|")
    for name, *cells in table:
        print("| " + " | ".join([name.upper(), *cells]) + " |")


if __name__ == "__main__":
    main()
