"""Half the reference's width, taught by it."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression, width: float) -> nn.Module:
    return problem.train(problem.build(width=width), teacher=problem.reference())


METHOD = Method(
    name="student",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"width": 0.0625},),
    source="arXiv:1503.02531",
)
