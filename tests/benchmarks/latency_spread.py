"""How much the published speed-up moves from run to run, beside today's ways of timing.

    python tests/benchmarks/latency_spread.py --repetitions 20 --out spread.jsonl

Times one pair of convolutional networks again and again, on a quiet machine and with a second
process loading the other core; then pairs of identical models. Every rival gets the wall time and
the number of processes that the paired measurement took just before. Each finished repetition is a
line of the output file, and a later call goes on where the file ends; `--summary` prints the
figures of a file. Stop it at any time.
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from rival_timers import RIVALS

from harness.measure import measure
from harness.measure.profile import load_profile
from harness.paired import different, speedup, spread, spread_ratio
from harness.submit.latency import judge

PROFILE = (
    'title = "here"\nkind = "measured"\nruntime = "onnxruntime"\nruntime_version = "any"\n'
    "throughput_batch = 1\n"
)
BURN = "import numpy as np\na = np.ones((700, 700), 'f')\nwhile True: a @ a"


def convnet(width, depth=8, size=16, seed=0):
    """`depth` 3x3 convolutions with ReLU on (batch, 3, size, size), then ten logits."""
    random = np.random.default_rng(seed)
    nodes, weights, last, channels = [], [], "x", 3
    for index in range(depth):
        shape = (width, channels, 3, 3)
        values = random.normal(size=shape) / math.sqrt(9 * channels / 2)
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"w{index}"))
        nodes.append(
            helper.make_node("Conv", [last, f"w{index}"], [f"c{index}"], pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Relu", [f"c{index}"], [f"r{index}"]))
        last, channels = f"r{index}", width
    values = random.normal(size=(width, 10)).astype(np.float32)
    weights.append(numpy_helper.from_array(values, "head"))
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("MatMul", ["flat", "head"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, size, size])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "convnet", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


class Experiment:
    """The pair of models in a folder, and the file of finished repetitions."""

    def __init__(self, folder, out, cap_seconds):
        self.anchor, self.entry = folder / "anchor.onnx", folder / "entry.onnx"
        onnx.save(convnet(64), self.anchor)
        onnx.save(convnet(32), self.entry)
        (folder / "here.toml").write_text(PROFILE)
        self.profile = load_profile(folder / "here.toml")
        x = np.random.default_rng(1).normal(size=(64, 3, 16, 16))
        self.inputs = {"x": x.astype(np.float32)}
        self.out, self.cap_seconds = out, cap_seconds

    def done(self):
        """How many lines each (condition, method) already has."""
        counts = {}
        for row in read_rows(self.out):
            key = (row["condition"], row["method"])
            counts[key] = counts.get(key, 0) + 1
        return counts

    def paired(self, condition, entry):
        """One paired measurement as a row; also its wall time and number of processes."""
        begin = time.monotonic()
        record = measure(
            entry, self.anchor if entry is self.entry else entry, self.profile, self.inputs, None,
            task="spread", task_version=1, cap_seconds=self.cap_seconds,
        )  # fmt: skip
        if record.status != "ok":
            raise SystemExit(f"not measured: {record.cause}")
        return {
            "condition": condition,
            "method": "paired",
            "speedup": speedup(record.pairs).value,
            "seconds": time.monotonic() - begin,
            "processes": len(record.pairs) + 1,
            "settled": record.settled,
            "foreign_load": record.foreign_load,
            "pairs": record.pairs,
        }

    def rival(self, condition, method, seconds, processes):
        """Half of the processes time the anchor, then half the entry; medians are compared."""
        each = max(1, processes // 2)
        took = {}
        begin = time.monotonic()
        for path in (self.anchor, self.entry):
            share = seconds / (2 * each)
            took[path] = statistics.median(
                timed_alone(method, path, max(0.2, share - startup(method))) for _ in range(each)
            )
        return {
            "condition": condition,
            "method": method,
            "speedup": took[self.anchor] / took[self.entry],
            "seconds": time.monotonic() - begin,
            "processes": 2 * each,
        }

    def repeat(self, condition, repetitions):
        """Bring the paired method and every rival to `repetitions` lines, in turn."""
        for number in range(repetitions):
            counts = self.done()
            if counts.get((condition, "paired"), 0) <= number:
                self.write(self.paired(condition, self.entry))
            ours = [row for row in read_rows(self.out) if row["method"] == "paired"]
            ours = [row for row in ours if row["condition"] == condition][number]
            for method in RIVALS:
                if counts.get((condition, method), 0) <= number:
                    self.write(self.rival(condition, method, ours["seconds"], ours["processes"]))

    def identical(self, pairs):
        """Bring the pairs of identical models to `pairs` lines."""
        for _ in range(self.done().get(("identical", "paired"), 0), pairs):
            self.write(self.paired("identical", self.anchor))

    def write(self, row):
        with self.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row["condition"], row["method"], f"{row['speedup']:.4f}", f"{row['seconds']:.1f} s")


def startup(method):
    """Seconds that starting a process costs: importing torch takes longer."""
    return 1.4 if method == "torch_benchmark" else 0.4


def timed_alone(method, path, seconds):
    script = Path(__file__).with_name("rival_timers.py")
    command = [sys.executable, str(script), method, str(path), str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def read_rows(path):
    """Every finished line; paired values follow from the raw blocks, as on the board."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for row in rows:
        if row["method"] == "paired":
            row["speedup"] = speedup(row["pairs"]).value
    return rows


@contextlib.contextmanager
def other_core_loaded():
    """A process that multiplies matrices on the last core for as long as the block runs."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    burner = subprocess.Popen([sys.executable, "-c", BURN], env=environment)
    os.sched_setaffinity(burner.pid, {max(os.sched_getaffinity(0))})
    try:
        yield
    finally:
        burner.kill()
        burner.wait()


def summary(rows):
    """Spreads by condition and method, the ratio to the best rival, and how intervals held."""
    found = {}
    for condition in ("quiet", "loaded"):
        values = {}
        for row in rows:
            if row["condition"] == condition:
                values.setdefault(row["method"], []).append(row["speedup"])
        values = {method: each for method, each in values.items() if len(each) >= 3}
        if "paired" not in values:
            continue
        spreads = {method: spread(each) for method, each in values.items()}
        block = {
            "repetitions": {method: len(each) for method, each in values.items()},
            "spread": spreads,
            "pooled": {method: statistics.fmean(each) for method, each in values.items()},
        }
        if rivals := set(spreads) - {"paired"}:
            best = min(rivals, key=spreads.get)
            ratio = spread_ratio(values["paired"], values[best])
            block |= {"best_rival": best, "ratio": [ratio.value, ratio.low, ratio.high]}
        found[condition] = block
        found[condition]["held"] = coverage(rows, condition)
        found[condition]["claims"] = claims(rows, condition)
    same = [row for row in rows if row["condition"] == "identical"]
    if same:
        found["identical"] = {
            "pairs": len(same),
            "called_different": sum(different(row["pairs"]) for row in same),
            "spread": spread([row["speedup"] for row in same]),
            "held": coverage(rows, "identical"),
            "seconds": statistics.fmean(row["seconds"] for row in same),
        }
    return found


def coverage(rows, condition):
    """How many paired intervals hold the value of all starts pooled, of how many."""
    mine = [row for row in rows if (row["condition"], row["method"]) == (condition, "paired")]
    pooled = speedup([start for row in mine for start in row["pairs"]]).value
    return [sum(speedup(row["pairs"]).holds(pooled) for row in mine), len(mine)]


def claims(rows, condition):
    """Each live repetition claimed against each other, as a bundle is judged: how many refused."""
    mine = [row for row in rows if (row["condition"], row["method"]) == (condition, "paired")]
    pairs = [row["pairs"] for row in mine]
    both = [(a, b) for i, a in enumerate(pairs) for j, b in enumerate(pairs) if i != j]
    honest = sum(judge(a, b).verdict == "refused" for a, b in both)
    forged = [[[(one, two / 1.1) for one, two in start] for start in a] for a, _ in both]
    caught = sum(judge(a, b).verdict == "refused" for a, (_, b) in zip(forged, both, strict=True))
    return {"honest_refused": honest, "ten_percent_too_good_refused": caught, "of": len(both)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--identical", type=int, default=100)
    parser.add_argument("--cap", type=float, default=20.0, help="seconds a paired measurement")
    parser.add_argument("--conditions", default="quiet,loaded,identical")
    parser.add_argument("--out", type=Path, default=Path("latency_spread.jsonl"))
    parser.add_argument("--summary", action="store_true")
    options = parser.parse_args()
    if not options.summary:
        with tempfile.TemporaryDirectory() as folder:
            experiment = Experiment(Path(folder), options.out, options.cap)
            for condition in options.conditions.split(","):
                if condition == "identical":
                    experiment.identical(options.identical)
                    continue
                loading = other_core_loaded if condition == "loaded" else contextlib.nullcontext
                with loading():
                    experiment.repeat(condition, options.repetitions)
    print(json.dumps(summary(read_rows(options.out)), indent=2))


if __name__ == "__main__":
    main()
