"""Returns a string."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    return "a model"  # type: ignore[return-value]


METHOD = Method(
    name="returns_text", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
