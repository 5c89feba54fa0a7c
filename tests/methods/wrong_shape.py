"""Returns seven classes instead of ten."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    model = problem.reference()
    model.classifier = nn.Linear(model.classifier.in_features, 7)
    return model


METHOD = Method(
    name="wrong_shape", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
