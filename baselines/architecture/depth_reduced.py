"""The reference's family with fewer layers, trained from scratch.

Source: depth as the scaled dimension, Tan and Le 2019, arXiv:1905.11946, section 3.2.
"""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression, depth: float, width: float) -> nn.Module:
    """A network of `depth` times the reference's layers, and `width` times its channels."""
    return problem.train(problem.build(depth=depth, width=width))


METHOD = Method(
    name="depth_reduced",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"depth": 0.5, "width": 1.0},
        {"depth": 0.5, "width": 0.5},
        {"depth": 0.5, "width": 0.25},
    ),
    source="arXiv:1905.11946",
    small_baseline=True,
)
