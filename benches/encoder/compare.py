"""neodex and a plain PyTorch NeoBERT at the same shapes, one after the other on the same GPU, and how many times faster neodex is.

    python3 compare.py path/to/neodex --shape 28x768 --lengths 512,1024,2048,4096 --mix lengths.txt
"""

import argparse
import json
import pathlib
import subprocess
import sys


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("neodex", help="a binary built with the features cuda and flash-attn")
    arguments.add_argument("--shape", default="28x768")
    arguments.add_argument("--lengths", default="512,1024,2048,4096")
    arguments.add_argument("--mix", help="a file of token counts, one a line")
    arguments.add_argument("--precision", choices=["bf16", "f16"], default="bf16")
    arguments.add_argument("--seconds", default="1")
    given = arguments.parse_args()
    same = ["--shape", given.shape, "--lengths", given.lengths, "--seconds", given.seconds]
    same += ["--mix", given.mix] if given.mix else []

    ours = [given.neodex, "--json", "--device", "cuda", "bench", "encoder", "--precision", given.precision, *same]
    ours = json.loads(subprocess.run(ours, check=True, stdout=subprocess.PIPE).stdout)["rows"]
    script = str(pathlib.Path(__file__).with_name("torch_neobert.py"))
    theirs = subprocess.run([sys.executable, script, "--dtype", given.precision, *same], check=True, stdout=subprocess.PIPE)
    theirs = [json.loads(line) for line in theirs.stdout.splitlines()]

    for row in ours + theirs:
        print(json.dumps(row))
    speed = {row["lengths"]: row["tokens_per_second"] for row in ours}
    print("\n| tokens of a sequence | neodex, tokens/s | share of peak | PyTorch, tokens/s | neodex / PyTorch |\n| --- | --- | --- | --- | --- |")
    for row in theirs:
        own = next(own for own in ours if own["lengths"] == row["lengths"])
        name = f"mix, {row['order']}" if "order" in row else row["lengths"]
        ratio = speed[row["lengths"]] / row["tokens_per_second"]
        print(f"| {name} | {own['tokens_per_second']:,.0f} | {own['share_of_peak']:.1%} | {row['tokens_per_second']:,} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
