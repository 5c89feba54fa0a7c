"""Returns NaN weights."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    model = problem.reference()
    next(model.parameters()).data.fill_(float("nan"))
    return model


METHOD = Method(
    name="nan_weights", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
