#!/usr/bin/env python3
"""Runs neodex and other vector indexes on the same vectors, and writes a table and a picture of what each does.

    python3 benches/compare/compare.py target/release/neodex out [--folder VECTORS] [--count 100000] [--engines neodex,hnswlib,...]
        [--minutes 20]

VECTORS holds base.npy and queries.npy (float32); without it neodex makes them from a seed. Every engine runs in a process of its own, so that the memory
it takes can be told. Speeds are of one thread unless a row says otherwise, by the time it had on a processor; so is the time of building, of all threads
together. Settings are chosen by one half of the queries; recall and speed are of the other.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import chart

TARGETS = [0.90, 0.95, 0.99, 0.999]
SHARES = [0.5, 0.1, 0.01, 0.001]
ENGINES = ["neodex", "neodex-16-bit", "hnswlib", "faiss-hnsw", "faiss-hnsw-sq8", "usearch", "qdrant-edge", "lancedb"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("neodex", help="the neodex binary")
    parser.add_argument("out", type=pathlib.Path, help="the folder results are written to")
    parser.add_argument("--folder", type=pathlib.Path, help="a folder with base.npy and queries.npy")
    parser.add_argument("--count", type=int, default=100_000, help="vectors to make where no folder is given")
    parser.add_argument("--engines", default=",".join(ENGINES), help="which, separated by commas")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads for building, and for the rows of all threads")
    parser.add_argument("--minutes", type=float, default=20, help="minutes an engine may take; what it has measured by then counts")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder = arguments.folder or arguments.out / f"vectors-{arguments.count}"
    if not (folder / "base.npy").exists():
        subprocess.run([arguments.neodex, "bench", "index", "--count", str(arguments.count), "--write", str(folder)], check=True)
    truth(folder)
    rows = []
    for engine in arguments.engines.split(","):
        print(f"{engine} ...", file=sys.stderr, flush=True)
        command = [sys.executable, str(pathlib.Path(__file__).with_name("engines.py")), engine, str(folder), str(arguments.threads)]
        if engine.startswith("neodex"):
            command = [sys.executable, str(pathlib.Path(__file__).with_name("neodex_rows.py")), arguments.neodex, str(folder), str(arguments.threads), engine.removeprefix("neodex-").removeprefix("neodex") or "12-bit"]
        found = measured(engine, command, arguments.out / f"{engine}.jsonl", 60 * arguments.minutes)
        rows += [{"engine": engine, **row} for row in found]
        (arguments.out / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = tables(rows)
    (arguments.out / "table.md").write_text(table)
    for threads, name in [(1, "one-thread"), (arguments.threads, "all-threads")]:
        lines = {}
        for row in rows:
            if row["kind"] == "speed" and row["threads"] == threads:
                lines.setdefault(row["engine"], []).append((row["recall"], row["queries_per_second"]))
        (arguments.out / f"recall-{name}.svg").write_text(chart.draw(lines, f"Recall@10 against queries per second, {threads} thread{'s' if threads > 1 else ''}"))
    print(table)


def measured(engine, command, path, seconds):
    """The rows of one engine: all it gives, or those it gave until it failed or its time was over."""
    started, outcome = time.time(), "done"
    with path.open("w") as out:
        # In a group of its own, so that what it has started ends with it.
        process = subprocess.Popen(command, stdout=out, start_new_session=True)
        try:
            if process.wait(seconds):
                outcome = "failed"
        except subprocess.TimeoutExpired:
            outcome = "stopped"
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        if outcome == "stopped":
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    found = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    print(f"{engine}: {outcome} after {time.time() - started:.0f} s with {len(found)} rows", file=sys.stderr, flush=True)
    return found


def truth(folder):
    """The 10 nearest of every query by an exact search: among all vectors, and among those each filter allows."""
    import numpy as np

    if (folder / "truth.npz").exists():
        return
    base, queries = np.load(folder / "base.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    allowed = {"1": np.arange(len(base))}
    random = np.random.default_rng(1)
    for share in SHARES:
        allowed[str(share)] = np.flatnonzero(random.random(len(base)) < share)
    nearest = {}
    for name, keys in allowed.items():
        scores = np.full((len(queries), 10), -np.inf, np.float32)
        found = np.zeros((len(queries), 10), np.int64)
        for start in range(0, len(keys), 50_000):
            part = keys[start : start + 50_000]
            both = np.concatenate([scores, queries @ base[part].T], axis=1)
            names = np.concatenate([found, np.broadcast_to(part, (len(queries), len(part)))], axis=1)
            top = np.argpartition(-both, 9, axis=1)[:, :10]
            scores, found = np.take_along_axis(both, top, 1), np.take_along_axis(names, top, 1)
        nearest[name] = found[:, : min(10, len(keys))]
    arrays = {f"allowed-{name}": keys for name, keys in allowed.items() if name != "1"}
    np.savez(folder / "truth.npz", **{f"nearest-{name}": found for name, found in nearest.items()}, **arrays)


def tables(rows):
    engines = list(dict.fromkeys(row["engine"] for row in rows))

    def line(cells):
        return "| " + " | ".join(cells) + " |\n"

    text = line(["engine", "build, processor s", "bytes/vector in memory", "on disk", "open s"] + [f"q/s at {target}" for target in TARGETS] + [f"all threads at {TARGETS[2]}"])
    text += line(["---"] * (5 + len(TARGETS) + 1))
    for engine in engines:
        own = [row for row in rows if row["engine"] == engine]
        built = next((row for row in own if row["kind"] == "build"), {})
        cells = [engine] + [number(built.get(name)) for name in ["build_seconds", "memory_bytes_per_vector", "disk_bytes_per_vector", "open_seconds"]]
        cells += [number(at(own, target, 1)) for target in TARGETS]
        most = max((row["threads"] for row in own if row["kind"] == "speed"), default=1)
        text += line(cells + [number(at(own, TARGETS[2], most))])
    text += "\n" + line(["under a filter that passes"] + [f"{share:.1%}: recall, q/s" for share in SHARES])
    text += line(["---"] * (1 + len(SHARES)))
    for engine in engines:
        cells = [engine]
        for share in SHARES:
            row = next((row for row in rows if row["engine"] == engine and row["kind"] == "filter" and row["share"] == share), None)
            cells.append(f"{row['recall']:.3f}, {number(row['queries_per_second'])}" if row else "")
        text += line(cells)
    return text


def at(rows, target, threads):
    """The queries per second of the fastest setting that reaches `target` by one half of the queries; recall and speed are of the other half."""
    reach = [row for row in rows if row["kind"] == "speed" and row["threads"] == threads and row["recall_of_choosing_half"] >= target]
    return max((row["queries_per_second"] for row in reach), default=None)


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    main()
