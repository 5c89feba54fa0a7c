"""Hashed item embeddings: an item's vector is the sum of rows of several small tables.

Source: Shi et al. 2020, arXiv:1909.02107 (compositional embeddings; here tables drawn by
independent random hashes and added). The encoder starts from the trained reference and is taught
by it.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Compression, Method
from harness.retrieval import stored

TABLES = 3


class Hashed(nn.Module):
    """The item table as sums; it is put together when the graph is loaded."""

    compact = True
    rows: Tensor

    def __init__(self, table: Tensor, buckets: int) -> None:
        super().__init__()
        rows = torch.randint(buckets, (len(table), TABLES))
        self.register_buffer("rows", rows.int())
        parts = torch.zeros(TABLES, buckets, table.shape[1])
        left = table.detach().float().cpu()
        for part, hashed in zip(parts, rows.T, strict=True):
            count = torch.bincount(hashed, minlength=buckets).clamp_min(1)
            part.index_add_(0, hashed, left).div_(count[:, None])  # the mean of what is left over
            left = left - part[hashed]
        self.parts = nn.Parameter(parts.flatten(0, 1))
        self.buckets = buckets

    def forward(self) -> Tensor:
        """(items + 1, width)."""
        offsets = torch.arange(TABLES, device=self.rows.device) * self.buckets
        return functional.embedding(self.rows.long() + offsets, self.parts).sum(1)


def solve(problem: Compression, buckets: int) -> nn.Module:
    """The reference with three tables of `buckets` vectors in place of one of all items."""
    model: Any = stored(problem.reference())
    teacher = stored(problem.reference())
    model.items = Hashed(model.items(), buckets)
    return problem.finetune(model, learning_rate=3.0, teacher=teacher, temperature=1.0)


METHOD = Method(
    name="hashed_embeddings",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"buckets": 2000}, {"buckets": 1000}, {"buckets": 500}),
    source="arXiv:1909.02107",
    modalities=("clicks",),
)
