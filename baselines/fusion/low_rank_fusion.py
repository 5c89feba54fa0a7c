"""Low-rank fusion: the outer product of all modalities' vectors, in a few factors.

Source: Liu et al. 2018, arXiv:1806.00064, section 3.2 (low-rank multimodal fusion).
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method


class LowRank(nn.Module):
    """Sum over `rank` of the products of one linear map of each modality (with a bias of 1)."""

    def __init__(self, features: int, hidden: int, rank: int) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(features, rank * hidden) for _ in range(3))
        self.rank = rank
        for layer in self.maps:
            assert isinstance(layer, nn.Linear)
            nn.init.ones_(layer.bias)  # a product of ones lets every modality through at first

    def forward(self, table: Tensor, log: Tensor, image: Tensor) -> Tensor:
        """Three of float32 (n, features) to (n, hidden)."""
        parts = [layer(each) for layer, each in zip(self.maps, (table, log, image), strict=True)]
        product = parts[0] * parts[1] * parts[2]
        return torch.relu(product.unflatten(1, (self.rank, -1)).mean(1))  # (n, hidden)


def solve(problem: Compression, width: float, rank: int) -> nn.Module:
    """A trained light model of `width` whose fusion has `rank` factors."""
    model: Any = problem.build(width=width)
    model.fusion = LowRank(model.features, model.classifier.in_features, rank)
    return problem.train(model)


METHOD = Method(
    name="low_rank_fusion",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 0.5, "rank": 2},
        {"width": 0.5, "rank": 8},
        {"width": 0.25, "rank": 4},
    ),
    source="arXiv:1806.00064",
    modalities=("fusion",),
)
