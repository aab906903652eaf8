"""neodex's own rows, from the command line's figures to the shape the other engines print."""
import json
import os
import subprocess
import sys


def main():
    neodex, folder, threads, rescore = sys.argv[1:]
    command = [neodex, "bench", "index", "--vectors", f"{folder}/base.npy", "--query-vectors", f"{folder}/queries.npy", "--queries", "1000000", "--every-width", "--database", "--rescore", rescore, "--json"]
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, "RAYON_NUM_THREADS": threads}).stdout)
    rows = report["rows"]
    named = {row["what"]: row for row in rows}
    build, database = named["build"], named.get("database", {})
    print(
        json.dumps(
            {
                "kind": "build",
                "build_seconds": build["build_processor_seconds"] or build["build_seconds"],
                "memory_bytes_per_vector": build["memory_bytes_per_vector"],
                "disk_bytes_per_vector": build["stored_bytes_per_vector"],
                "open_seconds": database.get("open_seconds"),
            }
        )
    )
    for row in rows:
        if row["what"].startswith("width"):
            for threads, name in [(1, "queries_per_second"), (row["threads"], "queries_per_second_all_threads")]:
                recalls = {"recall": row["recall"], "recall_of_choosing_half": row["recall_of_choosing_half"]}
                print(json.dumps({"kind": "speed", "threads": threads, **recalls, "queries_per_second": row[name], "setting": row["width"]}))
        elif row["what"].startswith("filter"):
            share = round(float(row["what"].split()[1]) / 100, 6)
            print(json.dumps({"kind": "filter", "share": share, "recall": row["recall"], "queries_per_second": row["queries_per_second"], "way": row["way"]}))


main()
