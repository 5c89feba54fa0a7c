"""Distillation across designs: the early-fusion monolith teaches a light late fusion.

Source: Hinton et al. 2015, arXiv:1503.02531, section 2, T = 2, weight 0.7. The teacher is asked
once for each training request, as a legacy system's logged answers would be.
"""

from onnx import ModelProto
from torch import nn

from harness import Compression, Method
from harness.int8 import quantize


def solve(problem: Compression, width: float, int8: bool) -> nn.Module | ModelProto:
    """A gated student of `width`, in static INT8 if asked for."""
    model = problem.train(
        problem.build(width=width, fusion="gated"),
        teacher=problem.reference(),
        keep_soft=True,
        teacher_weight=0.7,
        temperature=2.0,
    )
    return quantize(problem, problem.export(model)) if int8 else model


METHOD = Method(
    name="fusion_distillation",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 0.5, "int8": False},
        {"width": 0.25, "int8": False},
        {"width": 0.5, "int8": True},
        {"width": 1.0, "int8": False},
    ),
    source="arXiv:1503.02531",
    modalities=("fusion",),
)
