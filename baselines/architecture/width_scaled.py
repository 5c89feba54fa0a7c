"""The reference's family at a fraction of its channels, trained from scratch.

Source: width multiplier, Howard et al. 2017, arXiv:1704.04861, section 3.3. The strong small
baseline: what pruning must beat at equal cost.
"""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression, width: float) -> nn.Module:
    """A network of `width` times the reference's channels."""
    return problem.train(problem.build(width=width))


METHOD = Method(
    name="width_scaled",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 0.5},
        {"width": 0.25},
        {"width": 0.125},
        {"width": 0.5, "budget": "reference"},
    ),
    source="arXiv:1704.04861",
    small_baseline=True,
)
