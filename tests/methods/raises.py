"""Raises."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    raise RuntimeError("the method gave up")


METHOD = Method(
    name="raises", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
