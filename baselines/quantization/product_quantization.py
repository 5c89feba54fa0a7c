"""Product-quantized item embeddings: each slice of a vector is one of 256 centroids.

Source: Jegou et al. 2011, doi:10.1109/TPAMI.2010.57, section III (codebooks by k-means), and
the usual re-ranking of the best candidates by exact scores, as described in Jegou et al. 2011,
arXiv:1102.3828, section 1. Without re-ranking the table is put together when the graph is loaded:
small on disk, not in memory. Version 1 counted no MACs for re-ranking.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Compression, Method
from harness.retrieval import stored

CENTROIDS, ROUNDS = 256, 15


def k_means(points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Centroids (count, k) of points (n, k), and the nearest one's number for each, int64 (n,)."""
    centres = points[torch.randperm(len(points))[:count]].clone()
    for _ in range(ROUNDS):
        nearest = torch.cdist(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add(0, nearest, points)
        sizes = torch.bincount(nearest, minlength=len(centres))
        centres = torch.where(sizes[:, None] > 0, sums / sizes.clamp_min(1)[:, None], centres)
    return centres, torch.cdist(points, centres).argmin(1)


class ProductQuantized(nn.Module):
    """The item table as codes and codebooks."""

    compact = True
    codes: Tensor

    def __init__(self, table: Tensor, slices: int) -> None:
        super().__init__()
        count = min(CENTROIDS, len(table))
        parts = table.detach().float().cpu().chunk(slices, 1)
        found = [k_means(part.contiguous(), count) for part in parts]
        self.books = nn.Parameter(torch.cat([centres for centres, _ in found]))
        self.register_buffer("codes", torch.stack([code for _, code in found], 1).to(torch.uint8))
        self.count = count

    def forward(self) -> Tensor:
        """(items + 1, width)."""
        offsets = torch.arange(self.codes.shape[1], device=self.codes.device) * self.count
        return functional.embedding(self.codes.long() + offsets, self.books).flatten(1)


class Reranked(nn.Module):
    """The best `candidates` by approximate scores, ordered by exact ones of half precision."""

    ranks = True
    exact: Tensor

    def __init__(self, model: Any, exact: Tensor, candidates: int) -> None:
        super().__init__()
        self.model, self.catalogue = model, model.catalogue
        self.register_buffer("exact", exact.detach().half())
        self.candidates = min(candidates, model.catalogue)

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, t) to the ten best item ids, int64 (n, 10)."""
        table = self.model.items()
        asked = self.model.encode(history, table, last=True)  # (n, 1, width)
        scores = functional.linear(asked[:, 0], table)
        seen = functional.pad(history, (0, 1))
        rough, best = scores.scatter(1, seen, float("-inf")).topk(self.candidates)
        exact = (self.exact[best].float() @ asked.transpose(1, 2))[:, :, 0]  # (n, candidates)
        order = torch.where(rough.isinf(), rough, exact).topk(10).indices
        return best.gather(1, order)


def solve(problem: Compression, slices: int, candidates: int) -> nn.Module:
    """The reference with `slices` bytes an item; 0 candidates: no re-ranking."""
    model: Any = stored(problem.reference())
    exact = model.items()
    model.items = ProductQuantized(exact, slices)
    return Reranked(model, exact, candidates) if candidates else model


METHOD = Method(
    name="product_quantization",
    version=2,
    solves=Compression,
    solve=solve,
    settings=(
        {"slices": 32, "candidates": 0},
        {"slices": 16, "candidates": 0},
        {"slices": 8, "candidates": 0},
        {"slices": 8, "candidates": 100},
    ),
    source="doi:10.1109/TPAMI.2010.57",
    modalities=("clicks",),
)
