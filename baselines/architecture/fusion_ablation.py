"""What the graph buys: the reference's family with each way to join own and graph vectors.

Source: gate, Arevalo et al. 2017, arXiv:1702.01992, section 3.2; the others are its controls.
Each is trained from scratch on the reference's own compute.
"""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression, fusion: str) -> nn.Module:
    """A trained model of the reference's shape whose item vectors are joined by `fusion`."""
    return problem.train(problem.build(fusion=fusion))


METHOD = Method(
    name="fusion_ablation",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"fusion": "gated", "budget": "reference"},
        {"fusion": "sequence", "budget": "reference"},
        {"fusion": "graph", "budget": "reference"},
        {"fusion": "concatenation", "budget": "reference"},
        {"fusion": "attention", "budget": "reference"},
        {"fusion": "residual", "budget": "reference"},
    ),
    source="arXiv:1702.01992",
    modalities=("clicks",),
    small_baseline=True,
)
