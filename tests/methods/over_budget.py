"""Trains for longer than its budget."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    model = problem.train(problem.reference())
    return problem.train(model, steps=10_000)


METHOD = Method(
    name="over_budget", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
