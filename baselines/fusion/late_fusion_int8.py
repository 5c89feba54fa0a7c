"""Gated late fusion in static INT8: the light design and one byte a weight in one run.

Source: gates as in Arevalo et al. 2017, arXiv:1702.01992, section 3.1; ranges as in Jacob et al.
2018, arXiv:1712.05877. Version 1 quantized raw columns too, and lost nearly everything.
"""

from onnx import ModelProto

from harness import Compression, Method
from harness.int8 import quantize


def solve(problem: Compression, width: float) -> ModelProto:
    """A gated light model of `width`, trained directly, as an INT8 graph."""
    model = problem.train(problem.build(width=width, fusion="gated"))
    return quantize(problem, problem.export(model))


METHOD = Method(
    name="late_fusion_int8",
    version=2,
    solves=Compression,
    solve=solve,
    settings=({"width": 0.5}, {"width": 1.0}, {"width": 1.5}),
    source="arXiv:1702.01992",
    modalities=("fusion",),
)
