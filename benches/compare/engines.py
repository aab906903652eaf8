"""One of the other engines: builds, stores, opens and searches, and prints a JSON object a line.

Every graph has 16 links (32 in the bottom layer) and is built with 200 candidates, neodex's default being about that. Vectors have length 1, so that the inner
product ranks as the cosine does.
"""
import json
import os
import pathlib
import sys
import tempfile
import time

ENGINE, FOLDER, THREADS = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
for name in ["OMP_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS"]:
    os.environ[name] = os.environ.get(name, str(THREADS))

import numpy as np  # noqa: E402  (after the threads are said)

WIDTHS = [10, 11, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64, 80, 100, 128, 160, 200, 300, 400, 800]
FILTER_WIDTH = 64
# Seconds of a clock for each speed that is measured: three rounds over all queries where they fit, over the first of them where not.
MEASURED_SECONDS = 3.0
TRIED = 10
base, asked = np.load(FOLDER / "base.npy"), np.load(FOLDER / "queries.npy")
known = np.load(FOLDER / "truth.npz")
# Settings are chosen by every second query, and what is reported is of the others.
choosing, choosing_truth = asked[0::2], known["nearest-1"][0::2]
queries, truth = asked[1::2], known["nearest-1"][1::2]


def say(kind, **fields):
    print(json.dumps({"kind": kind, **fields}), flush=True)


def resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def recall(found, nearest):
    return float(np.mean([len(set(map(int, row[: nearest.shape[1]])) & set(map(int, best))) / max(1, len(best)) for row, best in zip(found, nearest)]))


def timed(search, clock=time.process_time):
    """What a search finds for the first queries, and the best speed of at most three rounds over them. By default by the time on processors, whatever
    else the machine does. There are as many queries as a slow search answers in MEASURED_SECONDS."""
    started = time.perf_counter()
    search(queries[:TRIED])
    each = (time.perf_counter() - started) / min(TRIED, len(queries))
    asked = queries[: max(TRIED, min(len(queries), int(MEASURED_SECONDS / each)))]
    best, begin = 0, time.perf_counter()
    for _ in range(3):
        started = clock()
        found = search(asked)
        best = max(best, len(asked) / (clock() - started))
        if time.perf_counter() - begin > MEASURED_SECONDS:
            break
    return found, best


def sizes(path):
    path = pathlib.Path(path)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / len(base)


def sweep(set_width, search, widths=WIDTHS, threads=(1, THREADS)):
    """Speeds at each width, on one thread and on all, until recall does not grow any more."""
    for width in widths:
        set_width(width)
        by_choosing = recall(search(choosing, 1), choosing_truth)
        for number in dict.fromkeys(threads):
            found, speed = timed(lambda asked: search(asked, number), time.process_time if number == 1 else time.perf_counter)
            say("speed", threads=number, queries=len(found), recall=recall(found, truth), recall_of_choosing_half=by_choosing, queries_per_second=speed, setting=width)
        if by_choosing >= 0.9995:
            return


def filters(search):
    for name in known.files:
        if name.startswith("allowed-"):
            share = name.removeprefix("allowed-")
            allowed = known[name]
            found, speed = timed(lambda asked: search(asked, allowed))
            say("filter", share=float(share), queries=len(found), recall=recall(found, known[f"nearest-{share}"][1::2]), queries_per_second=speed)


def hnswlib():
    import hnswlib

    before, started = resident(), time.process_time()
    index = hnswlib.Index("ip", base.shape[1])
    index.init_index(len(base), M=16, ef_construction=200)
    index.add_items(base, num_threads=THREADS)
    seconds, memory = time.process_time() - started, (resident() - before) / len(base)
    with tempfile.TemporaryDirectory() as folder:
        index.save_index(f"{folder}/index")
        disk, started = sizes(folder), time.perf_counter()
        hnswlib.Index("ip", base.shape[1]).load_index(f"{folder}/index")
        say("build", build_seconds=seconds, memory_bytes_per_vector=memory, disk_bytes_per_vector=disk, open_seconds=time.perf_counter() - started)
    sweep(index.set_ef, lambda asked, threads: index.knn_query(asked, 10, num_threads=threads)[0])
    index.set_ef(FILTER_WIDTH)

    def filtered(asked, allowed):
        allowed = set(allowed.tolist())
        rows = []
        for query in asked:
            try:
                rows.append(index.knn_query(query, 10, num_threads=1, filter=lambda key: key in allowed)[0][0])
            except RuntimeError:  # fewer than ten found
                rows.append(np.array([], int))
        return rows

    filters(filtered)


def faiss(kind):
    import faiss

    faiss.omp_set_num_threads(THREADS)
    before, started = resident(), time.process_time()
    width = base.shape[1]
    if kind == "sq8":
        index = faiss.IndexHNSWSQ(width, faiss.ScalarQuantizer.QT_8bit, 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
        index.train(base)
    else:
        index = faiss.IndexHNSWFlat(width, 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
    index.add(base)
    seconds, memory = time.process_time() - started, (resident() - before) / len(base)
    with tempfile.TemporaryDirectory() as folder:
        faiss.write_index(index, f"{folder}/index")
        disk, started = sizes(folder), time.perf_counter()
        faiss.read_index(f"{folder}/index")
        say("build", build_seconds=seconds, memory_bytes_per_vector=memory, disk_bytes_per_vector=disk, open_seconds=time.perf_counter() - started)

    def search(asked, threads):
        faiss.omp_set_num_threads(threads)
        return index.search(asked, 10)[1]

    sweep(lambda width: setattr(index.hnsw, "efSearch", width), search)
    faiss.omp_set_num_threads(1)

    def filtered(asked, allowed):
        bits = np.zeros(len(base), bool)
        bits[allowed] = True
        selector = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
        return index.search(asked, 10, params=faiss.SearchParametersHNSW(sel=selector, efSearch=FILTER_WIDTH))[1]

    filters(filtered)


def usearch():
    from usearch.index import Index

    before, started = resident(), time.process_time()
    index = Index(ndim=base.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=200)
    index.add(np.arange(len(base)), base, threads=THREADS)
    seconds, memory = time.process_time() - started, (resident() - before) / len(base)
    with tempfile.TemporaryDirectory() as folder:
        index.save(f"{folder}/index")
        disk, started = sizes(folder), time.perf_counter()
        Index.restore(f"{folder}/index")
        say("build", build_seconds=seconds, memory_bytes_per_vector=memory, disk_bytes_per_vector=disk, open_seconds=time.perf_counter() - started)
    sweep(lambda width: setattr(index, "expansion_search", width), lambda asked, threads: index.search(asked, 10, threads=threads).keys)


def qdrant_edge():
    import qdrant_edge as edge

    with tempfile.TemporaryDirectory() as folder:
        before, started = resident(), time.process_time()
        config = edge.EdgeConfig(vectors={"": edge.EdgeVectorParams(size=base.shape[1], distance=edge.Distance.Dot, hnsw_config=edge.HnswIndexConfig(m=16, ef_construct=200, full_scan_threshold=1))})
        shard = edge.EdgeShard.create(folder, config)
        for start in range(0, len(base), 1_000):
            points = [edge.Point(number, base[number].tolist(), {}) for number in range(start, min(start + 1_000, len(base)))]
            shard.update(edge.UpdateOperation.upsert_points(points))
        shard.optimize()
        seconds, memory = time.process_time() - started, (resident() - before) / len(base)
        shard.flush()
        disk = sizes(folder)
        shard.close()
        started = time.perf_counter()
        shard = edge.EdgeShard.load(folder)
        say("build", build_seconds=seconds, memory_bytes_per_vector=memory, disk_bytes_per_vector=disk, open_seconds=time.perf_counter() - started)
        width = [FILTER_WIDTH]

        def search(asked, threads):
            if threads > 1:
                from concurrent.futures import ThreadPoolExecutor

                with ThreadPoolExecutor(threads) as pool:
                    return list(pool.map(one, asked))
            return [one(query) for query in asked]

        def one(query):
            request = edge.QueryRequest(query=edge.Query.Nearest(query.tolist()), limit=10, params=edge.SearchParams(hnsw_ef=width[0]))
            found = [point.id for point in shard.query(request)]
            return found + [-1] * (10 - len(found))

        sweep(lambda value: width.__setitem__(0, value), search)


def lancedb():
    import lancedb
    import pyarrow

    with tempfile.TemporaryDirectory() as folder:
        before, started = resident(), time.process_time()
        values = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(base.ravel()), base.shape[1])
        table = lancedb.connect(folder).create_table("vectors", pyarrow.table({"key": np.arange(len(base)), "vector": values}))
        table.create_index(metric="dot", vector_column_name="vector", index_type="IVF_HNSW_SQ", num_partitions=1, m=16, ef_construction=200)
        seconds, memory = time.process_time() - started, (resident() - before) / len(base)
        disk, started = sizes(folder), time.perf_counter()
        table = lancedb.connect(folder).open_table("vectors")
        table.search(queries[0]).limit(1).to_arrow()
        say("build", build_seconds=seconds, memory_bytes_per_vector=memory, disk_bytes_per_vector=disk, open_seconds=time.perf_counter() - started)
        width = [FILTER_WIDTH]

        def one(query):
            # Looks again at twice as many as are asked for, and its walk has to keep them all.
            found = table.search(query).distance_type("dot").nprobes(1).ef(width[0]).refine_factor(2).limit(10).select(["key", "_distance"])
            return found.to_arrow()["key"].to_pylist()

        sweep(lambda value: width.__setitem__(0, value), lambda asked, _: [one(query) for query in asked], [20, 30, 40, 60, 100, 200, 400], (1,))


{
    "hnswlib": hnswlib,
    "faiss-hnsw": lambda: faiss("flat"),
    "faiss-hnsw-sq8": lambda: faiss("sq8"),
    "usearch": usearch,
    "qdrant-edge": qdrant_edge,
    "lancedb": lancedb,
}[ENGINE]()
