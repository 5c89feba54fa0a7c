"""Prints without end."""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    while True:
        print("flood " * 1000)


METHOD = Method(
    name="floods", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
