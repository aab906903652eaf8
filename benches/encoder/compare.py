"""neodex and PyTorch at the same shapes, one after the other on the same GPU, and how many times faster neodex is.

    python3 compare.py path/to/neodex out

writes `out/rows.jsonl`, every measurement as it is made, and `out/table.md`, which is printed too. What --limit seconds do not suffice
for is left out and named. Beside a plain NeoBERT of our own (`torch_neobert.py`) stand encoders of other families as `transformers` runs
them, where it is installed (`torch_families.py`), and with --ours-too neodex's own speed for them.
"""

import argparse
import gc
import glob
import json
import os
import pathlib
import subprocess
import sys
import time

START = time.monotonic()


def numbers(text):
    return [int(part) for part in text.split(",") if part]


def parse():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("neodex", help="a binary built with the features cuda and flash-attn")
    arguments.add_argument("out", type=pathlib.Path, help="a folder for what is found")
    arguments.add_argument("--shapes", default="28x768,12x384")
    arguments.add_argument("--lengths", type=numbers, default=[128, 512, 1024, 2048, 4096, 8192])
    arguments.add_argument("--mix", type=pathlib.Path, default=pathlib.Path(__file__).with_name("lengths.txt"),
                           help="a file of token counts, one a line")
    arguments.add_argument("--families", default="modernbert-base,bert-base,roberta-base,nomic-bert-2048")
    arguments.add_argument("--family-lengths", type=numbers, default=[512, 1024, 2048, 4096, 8192])
    arguments.add_argument("--ours-too", action="store_true", help="read with neodex at the families' shapes, too")
    arguments.add_argument("--precision", choices=["bf16", "f16", "f32"], default="bf16")
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    arguments.add_argument("--tokens", type=int, default=65536, help="tokens of a batch in PyTorch, and four times that in a round of ours")
    arguments.add_argument("--seconds", type=float, default=0.4, help="least time of a measurement")
    arguments.add_argument("--limit", type=float, default=95.0, help="seconds for all of it")
    return arguments.parse_args()


def libraries():
    """The environment with the CUDA libraries that came with PyTorch, for a machine that has no others."""
    folders = {os.path.dirname(file) for path in sys.path for file in glob.glob(f"{path}/nvidia/*/lib/lib*.so*")}
    own = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(part for part in [*own, *sorted(folders), "/usr/local/nvidia/lib64"] if part)}


class Record:
    """Rows as they come, to the screen and to the file."""

    def __init__(self, given):
        self.given, self.rows, self.left_out = given, [], []
        given.out.mkdir(parents=True, exist_ok=True)
        self.file = open(given.out / "rows.jsonl", "w")

    def left(self):
        return self.given.limit - (time.monotonic() - START)

    def add(self, row):
        self.rows.append(row)
        line = json.dumps(row)
        print(line, file=self.file, flush=True)
        print(f"{time.monotonic() - START:5.1f} s {line}", flush=True)

    def skip(self, what, why):
        self.left_out.append(f"{what}: {why}")
        print(f"{time.monotonic() - START:5.1f} s left out: {what}: {why}", flush=True)

    def all(self, what, rows):
        """Takes the rows of a generator while there is time."""
        try:
            for row in rows:
                self.add(row)
                if self.left() < 2:
                    return self.skip(f"the rest of {what}", "no time was left")
        except Exception as error:
            self.skip(what, f"{type(error).__name__}: {str(error)[:300]}")

    def ours(self, shape, lengths, mix=None):
        given = self.given
        command = [given.neodex, "--json", "--device", given.device, "--precision", given.precision, "bench", "encoder"]
        command += ["--shape", shape, "--lengths", ",".join(map(str, lengths)), "--seconds", str(given.seconds)]
        command += ["--tokens", str(4 * given.tokens)] + (["--mix", str(mix)] if mix else [])
        if self.left() < 5:
            return self.skip(f"neodex {shape}", "no time was left")
        try:
            run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=self.left(), env=libraries())
        except subprocess.TimeoutExpired:
            return self.skip(f"neodex {shape}", "it did not end in time")
        except OSError as error:
            return self.skip(f"neodex {shape}", str(error))
        if run.returncode:
            return self.skip(f"neodex {shape}", run.stderr.decode(errors="replace").strip()[-500:])
        for row in json.loads(run.stdout)["rows"]:
            self.add({**row, "shape": shape})


def table(rows, left_out):
    ours = {(row["shape"], row["lengths"]): row for row in rows if row["engine"] == "neodex"}
    theirs = [row for row in rows if row["engine"] != "neodex"]
    lines = ["| shape | tokens of a sequence | neodex, tokens/s | TFLOP/s | share of peak | PyTorch, tokens/s | neodex / PyTorch |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    done = set()

    def line(shape, length, own, other, note=""):
        cells = [f"{own['tokens_per_second']:,.0f}", f"{own['tflops']:.1f}", f"{own['share_of_peak']:.1%}"] if own else ["", "", ""]
        cells += [f"{other['tokens_per_second']:,}"] if other else [""]
        cells += [f"{own['tokens_per_second'] / other['tokens_per_second']:.2f}"] if own and other else [""]
        lines.append(f"| {shape} | {length}{note} | " + " | ".join(cells) + " |")

    for row in theirs:
        key = (row["shape"], row["lengths"])
        done.add(key)
        note = f", {row['order']}, {row['padded']} times padded" if "order" in row else ""
        line(*key, ours.get(key), row, note)
    for key, row in ours.items():
        if key not in done:
            line(*key, row, None)
    # The paper's comparison: NeoBERT's shape against ModernBERT-base at the same length.
    for row in theirs:
        own = ours.get(("28x768", row["lengths"]))
        if row["shape"] == "modernbert-base" and own:
            ratio = own["tokens_per_second"] / row["tokens_per_second"]
            lines.append(f"\n28x768 in neodex reads {ratio:.2f} times as fast as {row['engine']}'s modernbert-base at {row['lengths']} tokens.")
    lines += [f"\nLeft out: {what}" for what in left_out]
    return "\n".join(lines)


def main():
    given = parse()
    record = Record(given)
    mix = [int(line) for line in open(given.mix)] if str(given.mix) not in ("", ".", "none") else []
    shapes = [shape for shape in given.shapes.split(",") if shape]
    for shape in shapes:
        record.ours(shape, given.lengths, given.mix if mix else None)
    try:
        import torch
        import torch_neobert
    except ImportError as error:
        record.skip("PyTorch", str(error))
    else:
        peak = torch_neobert.product_speed(torch_neobert.DTYPES[given.precision], given.device)
        same = {"tokens": given.tokens, "least": given.seconds, "precision": given.precision, "device": given.device, "peak": peak}
        print(f"{time.monotonic() - START:5.1f} s peak by PyTorch: {peak / 1e12:.1f} TFLOP/s in {given.precision}", flush=True)

        def free():
            gc.collect()
            if given.device == "cuda":
                torch.cuda.empty_cache()

        for shape in shapes[:1]:
            record.all(f"torch {shape}", torch_neobert.rows(shape, given.lengths, mix, **same))
            free()
        try:
            import torch_families
        except ImportError as error:
            record.skip("transformers", str(error))
        else:
            for family in (family for family in given.families.split(",") if family):
                if record.left() < 4:
                    record.skip(family, "no time was left")
                    continue
                record.all(family, torch_families.rows(family, given.family_lengths, **same))
                free()
        for shape in shapes[1:]:
            record.all(f"torch {shape}", torch_neobert.rows(shape, given.lengths, mix, **same))
            free()
    if given.ours_too:
        for family in given.families.split(","):
            lengths = sorted({row["lengths"] for row in record.rows if row["shape"] == family})
            record.ours(family, lengths or given.family_lengths[:1])
    text = table(record.rows, record.left_out)
    (given.out / "table.md").write_text(text + "\n")
    print("\n" + text)


if __name__ == "__main__":
    main()
