"""Static INT8 post-training quantization: ranges from calibration, no training.

Source: Jacob et al. 2018, arXiv:1712.05877; calibrators as in onnxruntime.quantization. Int8
weights, uint8 activations, a QDQ graph; quality is that of the runtime, not of a simulator.
"""

from onnx import ModelProto

from harness import Compression, Method
from harness.int8 import quantize


def solve(problem: Compression, calibration: str, per_channel: bool) -> ModelProto:
    """The reference in INT8."""
    graph = problem.export(problem.reference())
    return quantize(problem, graph, calibration, per_channel=per_channel)


METHOD = Method(
    name="static_int8",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"calibration": "MinMax", "per_channel": True},
        {"calibration": "Percentile", "per_channel": True},
        {"calibration": "MinMax", "per_channel": False},
    ),
    source="arXiv:1712.05877",
)
