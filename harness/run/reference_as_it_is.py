"""The frozen reference, exported and not changed: what every row is compared with."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    """The trained reference."""
    return problem.reference()


METHOD = Method(
    name="reference",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({},),
    source="the task's own recipe",
)
