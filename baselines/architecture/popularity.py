"""Popularity: everybody is shown the items that were clicked most.

Source: the non-personalised baseline of Rendle et al. 2009, arXiv:1205.2618, section 6.2.
"""

import numpy as np
import torch
from torch import Tensor, nn

from harness import Compression, Method


class MostClicked(nn.Module):
    """The same scores for everybody; of two items clicked as often the lower number wins."""

    places: Tensor

    def __init__(self, counts: np.ndarray) -> None:
        super().__init__()
        places = np.empty(len(counts), np.float32)
        places[np.argsort(-counts, kind="stable")] = -np.arange(len(counts))
        self.register_buffer("places", torch.from_numpy(places))
        self.catalogue = len(counts) - 1

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, t) to scores (n, items + 1)."""
        return self.places.expand(history.shape[0], -1)


def solve(problem: Compression, last: int) -> nn.Module:
    """How often each item is among the `last` clicks of a user in training."""
    users, items = problem.context["user_item"]
    ends = np.searchsorted(users, users, side="right")
    recent = ends - np.arange(len(users)) <= last
    return MostClicked(np.bincount(items[recent], minlength=int(problem.context["sizes"][1]) + 1))


METHOD = Method(
    name="popularity",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"last": 1000}, {"last": 3}, {"last": 1}),
    source="arXiv:1205.2618",
    modalities=("clicks",),
    small_baseline=True,
)
