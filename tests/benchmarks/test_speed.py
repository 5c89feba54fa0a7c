"""How long our own steps take; `pytest --benchmark-only tests/benchmarks`."""

import numpy as np
import onnx
from latency_spread import convnet

from harness.artifact.count import count_nodes
from harness.measure.operators import operators
from harness.paired import speedup


def test_counting_a_graph(benchmark, tmp_path):
    onnx.save(convnet(64), tmp_path / "m.onnx")
    assert benchmark(count_nodes, tmp_path / "m.onnx")


def test_cutting_a_graph_into_operators(benchmark, tmp_path):
    onnx.save(convnet(64), tmp_path / "m.onnx")
    assert benchmark(operators, tmp_path / "m.onnx")


def test_an_interval_of_twenty_starts(benchmark):
    times = np.random.default_rng(0).uniform(1, 1.1, size=(20, 4, 2))
    pairs = [[(float(a), float(e)) for a, e in blocks] for blocks in times]
    assert benchmark(speedup, pairs).value > 0
