"""How well predicted latencies fit measured ones on architectures that were never seen.

    python tests/benchmarks/predictor_validation.py --out predictor.json

Draws random convolutional networks (width, depth, window, resolution, depthwise, residual), builds
the predictor on some and compares it with the measured latency of others: once with the operators
of all of them in its table, as a search space has, and once with those of the seen ones alone.
Measures for about 3 minutes; `--plot` writes an SVG.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness.commands.predictor import agreement
from harness.measure.many import latencies_ms
from harness.measure.operators import operators
from harness.measure.predictor import fit_predictor, save_predictor, time_operators
from harness.measure.profile import load_profile


class Drawn:
    """A random network being written."""

    def __init__(self, random):
        self.random, self.nodes, self.weights, self.count = random, [], [], 0

    def add(self, op, inputs, *shapes, **attributes):
        self.count += 1
        names = []
        for shape in shapes:
            names.append(f"w{len(self.weights)}")
            values = (self.random.normal(size=shape) / 10).astype(np.float32)
            self.weights.append(numpy_helper.from_array(values, names[-1]))
        output = f"t{self.count}"
        self.nodes.append(helper.make_node(op, [*inputs, *names], [output], **attributes))
        return output

    def convolution(self, x, before, after, window, stride=1, group=1):
        pads = [window // 2] * 4
        shape = (after, before // group, window, window)
        x = self.add(
            "Conv", [x], shape, (after,), pads=pads, strides=[stride] * 2, group=group,
            kernel_shape=[window] * 2,
        )  # fmt: skip
        return self.add("Relu", [x])


def draw(seed):
    """A random network on (1, 3, 32, 32) or (1, 3, 64, 64) with ten logits."""
    random = np.random.default_rng(seed)
    net, x, size = Drawn(random), "x", int(random.choice([32, 64]))
    channels = int(random.choice([8, 16, 24, 32]))
    x = net.convolution(x, 3, channels, 3, stride=int(random.choice([1, 2])))
    for _ in range(int(random.integers(2, 5))):
        wider = int(random.choice([16, 24, 32, 48, 64, 96, 128]))
        x, channels = net.convolution(x, channels, wider, int(random.choice([1, 3])), 2), wider
        for _ in range(int(random.integers(0, 3))):
            before, window = x, int(random.choice([1, 3, 5]))
            if random.random() < 0.4:
                x = net.convolution(x, channels, channels, window, group=channels)
                x = net.convolution(x, channels, channels, 1)
            else:
                x = net.convolution(x, channels, channels, window)
            if random.random() < 0.5:
                x = net.add("Add", [x, before])
    x = net.add("GlobalAveragePool", [x])
    x = net.add("Flatten", [x])
    x = net.add("Gemm", [x], (channels, 10), (10,))
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, size, size])
    logits = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(net.nodes, "drawn", [image], [logits], net.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def plot(predicted, measured, path):
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 5))
    ends = [min(measured), max(measured)]
    axes.loglog(measured, predicted, ".", alpha=0.6)
    axes.loglog(ends, ends, "k-", lw=0.8)
    for factor in (0.9, 1.1):
        axes.loglog(ends, [factor * end for end in ends], "k:", lw=0.8)
    axes.set(xlabel="measured ms", ylabel="predicted ms")
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seen", type=int, default=200)
    parser.add_argument("--unseen", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--profile", default="ort-1t-xeon-amx")
    parser.add_argument("--out", type=Path, default=Path("predictor.json"))
    parser.add_argument("--model", type=Path, help="where to keep the predictor")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    profile = load_profile(options.profile)
    with tempfile.TemporaryDirectory() as name:
        paths = []
        for seed in range(options.first_seed, options.first_seed + options.seen + options.unseen):
            paths.append(Path(name) / f"{seed}.onnx")
            onnx.save(draw(seed), paths[-1])
        seen, unseen = paths[: options.seen], paths[options.seen :]
        begin = time.monotonic()
        latency = latencies_ms(paths, paths[0], profile)
        timed = time_operators(paths, paths[0], profile)
        seconds = time.monotonic() - begin
        own = {piece.key for path in seen for piece in operators(path)}
        known = [row for row in timed if row[0].key in own]
        predictor = fit_predictor(timed, seen, latency[: options.seen], profile)
        partly = fit_predictor(known, seen, latency[: options.seen], profile)
        begin = time.perf_counter()
        predicted = [predictor.predict(path) for path in unseen]
        query_ms = 1000 * (time.perf_counter() - begin) / len(predicted)
        guessed = [partly.predict(path) for path in unseen]
        measured = latency[options.seen :]
    if options.model:
        save_predictor(predictor, options.model)
    figures = {
        "profile": profile.name,
        "profile_sha256": profile.sha256,
        "seen": options.seen,
        "unseen": len(measured),
        "first_seed": options.first_seed,
        "operators": len(predictor.table),
        "all_operators_timed": agreement(predicted, measured),
        "operators_of_the_seen_timed": agreement(guessed, measured),
        "query_ms": query_ms,
        "seconds": seconds,
        "predicted_ms": [round(value, 6) for value in predicted],
        "measured_ms": [round(value, 6) for value in measured],
    }
    if options.plot:
        plot(predicted, measured, options.plot)
    options.out.write_text(json.dumps(figures))
    print(json.dumps({k: v for k, v in figures.items() if not k.endswith("ed_ms")}, indent=1))


if __name__ == "__main__":
    main()
