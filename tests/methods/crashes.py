"""Ends its own process."""

import os
import signal

from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    os.kill(os.getpid(), signal.SIGSEGV)
    os._exit(3)


METHOD = Method(
    name="crashes", version=1, solves=Compression, solve=solve, settings=({},), source="a test"
)
