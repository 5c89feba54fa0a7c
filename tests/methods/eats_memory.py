"""Takes memory without end."""

import numpy as np
from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    kept = []
    while True:
        kept.append(np.ones(10**7))


METHOD = Method(
    name="eats_memory", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
