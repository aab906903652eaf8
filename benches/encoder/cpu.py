"""neodex in int8 beside onnxruntime in dynamic int8 and PyTorch: the same NeoBERT shape, lengths and threads, by turns in one run.

    python -m venv .venv && .venv/bin/pip install onnxruntime onnx numpy torch
    .venv/bin/python benches/encoder/cpu.py --neodex target/release/neodex --shape 12x384 --lengths 256 --threads 1

Weights are random on all sides. The graph is the plain one an exporter makes: RMS norms, one product for queries, keys and values, rotary
positions, softmax, SwiGLU; `quantize_dynamic` makes its products int8. PyTorch runs `torch_neobert.py`, in f32 and in bf16; without it
installed its columns stay away. Tokens a second are those of the best round by the clock, and by the time the system gave to the process,
which says more on a machine that others use too.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

try:
    import torch
    import torch_neobert
except ImportError:
    torch = None

VOCABULARY = 8192


class Graph:
    """Nodes and constants, named as they come."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def __call__(self, kind, *inputs, outputs=1, **attributes):
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names


def neobert(layers, hidden, length, path):
    """Writes a NeoBERT for sequences of `length` tokens in f32."""
    heads, inner = hidden // 64, (8 * hidden // 3 + 7) // 8 * 8
    random = np.random.default_rng(1)
    g = Graph()

    def weight(width, columns):
        return g.constant((random.standard_normal((width, columns)) / np.sqrt(width)).astype(np.float32))

    def norm(x):
        mean = g("ReduceMean", g("Mul", x, x), g.constant(np.array([-1])), keepdims=1)
        root = g("Sqrt", g("Add", mean, g.constant(np.float32(1e-5))))
        return g("Mul", g("Div", x, root), g.constant(np.ones(hidden, np.float32)))

    frequencies = 10000.0 ** (-np.arange(0, 64, 2) / 64)
    angles = np.outer(np.arange(length), np.concatenate([frequencies, frequencies]))
    cos, sin = (g.constant(f(angles).astype(np.float32)) for f in (np.cos, np.sin))

    def turned(x):
        first, second = g("Split", x, outputs=2, axis=-1, num_outputs=2)
        return g("Add", g("Mul", x, cos), g("Mul", g("Concat", g("Neg", second), first, axis=-1), sin))

    by_head = g.constant(np.array([0, length, heads, 192]))
    joined = g.constant(np.array([0, length, hidden]))
    table = g.constant(random.standard_normal((VOCABULARY, hidden)).astype(np.float32) * 0.1)
    x = g("Gather", table, "ids")
    for _ in range(layers):
        qkv = g("Transpose", g("Reshape", g("MatMul", norm(x), weight(hidden, 3 * hidden)), by_head), perm=[0, 2, 1, 3])
        query, key, value = g("Split", qkv, outputs=3, axis=-1, num_outputs=3)
        query = g("Mul", turned(query), g.constant(np.float32(0.125)))
        scores = g("MatMul", query, g("Transpose", turned(key), perm=[0, 1, 3, 2]))
        mixed = g("MatMul", g("Softmax", scores, axis=-1), value)
        mixed = g("Reshape", g("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
        x = g("Add", x, g("MatMul", mixed, weight(hidden, hidden)))
        gate, value = g("Split", g("MatMul", norm(x), weight(hidden, 2 * inner)), outputs=2, axis=-1, num_outputs=2)
        gated = g("Mul", g("Mul", gate, g("Sigmoid", gate)), value)
        x = g("Add", x, g("MatMul", gated, weight(inner, hidden)))
    mean = g("ReduceMean", norm(x), g.constant(np.array([1])), keepdims=0)
    graph = helper.make_graph(
        g.nodes,
        "neobert",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", length])],
        [helper.make_tensor_value_info(mean, TensorProto.FLOAT, ["batch", hidden])],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def best(work, rounds):
    """The least time of a round by the clock and by the processor, after one to warm up."""
    clock, processor = [], []
    for _ in range(rounds + 1):
        start, before = time.perf_counter(), processor_seconds()
        work()
        clock.append(time.perf_counter() - start)
        processor.append(processor_seconds() - before)
    return min(clock[1:]), min(processor[1:])


def measure_torch(model, length, threads, batch, rounds):
    torch.set_num_threads(threads)
    ids = torch.randint(1000, torch_neobert.VOCABULARY, (batch, length))
    with torch.inference_mode():
        return tuple(batch * length / seconds for seconds in best(lambda: model(ids), rounds))


def measure_onnxruntime(path, length, threads, batch, rounds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(2).integers(1000, VOCABULARY, (batch, length))
    return tuple(batch * length / seconds for seconds in best(lambda: session.run(None, {"ids": ids}), rounds))


def measure_neodex(program, shape, length, threads, tokens):
    command = [program, "bench", "encoder", "--shape", shape, "--lengths", str(length), "--threads", str(threads)]
    command += ["--tokens", str(tokens), "--precision", "int8", "--device", "cpu", "--json"]
    row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["rows"][0]
    return row["tokens_per_second"], row["tokens_per_processor_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neodex", default="target/release/neodex")
    parser.add_argument("--shape", default="12x384")
    parser.add_argument("--lengths", default="256")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--tokens", type=int, default=4096, help="tokens of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--torch", default="f32,bf16", help="what PyTorch computes in; empty for no PyTorch")
    arguments = parser.parse_args()
    layers, hidden = map(int, arguments.shape.split("x"))
    others = {f"onnxruntime {onnxruntime.__version__} int8": None}
    if torch and arguments.torch:
        for dtype in arguments.torch.split(","):
            model = torch_neobert.NeoBert(layers, hidden, torch_neobert.inner_size(hidden), 8192)
            others[f"torch {torch.__version__} {dtype}"] = model.to(torch_neobert.DTYPES[dtype]).eval()
    print(f"{arguments.shape}, {arguments.threads} threads; tokens a second by the clock, and by the processor's time\n")
    print("| tokens | engine | by the clock | by the processor's | neodex is faster by |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for length in map(int, arguments.lengths.split(",")):
            exact, small = os.path.join(folder, "f32.onnx"), os.path.join(folder, "int8.onnx")
            neobert(layers, hidden, length, exact)
            quantize_dynamic(exact, small, weight_type=QuantType.QInt8)
            batch = max(1, arguments.tokens // length)
            ours, theirs = (0.0, 0.0), dict.fromkeys(others, (0.0, 0.0))
            for _ in range(arguments.turns):
                found = measure_neodex(arguments.neodex, arguments.shape, length, arguments.threads, batch * length)
                ours = tuple(map(max, ours, found))
                for name, model in others.items():
                    if model is None:
                        found = measure_onnxruntime(small, length, arguments.threads, batch, arguments.rounds)
                    else:
                        found = measure_torch(model, length, arguments.threads, batch, arguments.rounds)
                    theirs[name] = tuple(map(max, theirs[name], found))
            print(f"| {length} | neodex int8 | {ours[0]:,.0f} | {ours[1]:,.0f} | |")
            for name, found in theirs.items():
                print(f"| {length} | {name} | {found[0]:,.0f} | {found[1]:,.0f} | {ours[0] / found[0]:.2f}, {ours[1] / found[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
