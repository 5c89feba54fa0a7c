"""Sleeps for ever."""

import time

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    while True:
        time.sleep(1)


METHOD = Method(
    name="never_ends", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
