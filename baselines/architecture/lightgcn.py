"""LightGCN: item vectors smoothed over the graph of users and items, without any layer.

Source: He et al. 2020, arXiv:2002.02126, section 3 (symmetric normalisation, mean over layers).
Departs from it: a user has no vector of its own but the mean of the clicked items, so that a new
history can be served, and training is by the task's sampled softmax instead of pairs.
"""

import numpy as np
import torch
from torch import Tensor, nn

from harness import Compression, Method
from harness.retrieval import NextItem, causal, vectors

WIDTH = 64
EPOCHS = 8  # each smooths the whole graph once a batch, which counting products leaves out


class SmoothedItems(nn.Module):
    """The item table: own vectors averaged with those of co-clicked items, `layers` times."""

    users: Tensor
    items: Tensor
    weights: Tensor

    def __init__(self, clicks: np.ndarray, sizes: tuple[int, int], layers: int) -> None:
        """`clicks`: int (2, e) of users and items; `sizes`: users, items + 1."""
        super().__init__()
        users, items = torch.from_numpy(np.array(clicks)).long()
        by_user = torch.bincount(users, minlength=sizes[0]).float()
        by_item = torch.bincount(items, minlength=sizes[1]).float()
        weights = (by_user[users] * by_item[items]).rsqrt()
        self.register_buffer("users", users, persistent=False)
        self.register_buffer("items", items, persistent=False)
        self.register_buffer("weights", weights[:, None], persistent=False)
        self.own = nn.Parameter(0.02 * torch.randn(sizes[1], WIDTH))
        self.sizes, self.layers = sizes, layers

    def forward(self) -> Tensor:
        """(items + 1, WIDTH)."""
        found = [self.own.float()]
        for _ in range(self.layers):
            flow = found[-1][self.items] * self.weights  # (e, WIDTH)
            users = flow.new_zeros(self.sizes[0], WIDTH).index_add(0, self.users, flow)
            back = users[self.users] * self.weights
            found.append(torch.zeros_like(found[0]).index_add(0, self.items, back))
        return torch.stack(found).mean(0)


class Smoothed(NextItem):
    """What follows is near the mean of the clicked items."""

    def __init__(self, items: nn.Module, catalogue: int) -> None:
        super().__init__(items, catalogue)
        self.scale = nn.Parameter(torch.tensor(4.0))

    def encode(self, history: Tensor, table: Tensor, last: bool = False) -> Tensor:
        """int64 (n, t) to the mean of the vectors so far, (n, t or 1, WIDTH)."""
        seen = causal(history).to(table.dtype)
        if last:
            seen = seen[:, -1:]
        return self.scale * (seen / seen.sum(2, keepdim=True)) @ vectors(history, table)


def solve(problem: Compression, layers: int) -> nn.Module:
    """A trained table, smoothed `layers` times."""
    users, items, _ = (int(size) for size in problem.context["sizes"])
    table = SmoothedItems(problem.context["user_item"], (users, items + 1), layers)
    return problem.train(Smoothed(table, items), learning_rate=2.0, epochs=EPOCHS)


METHOD = Method(
    name="lightgcn",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"layers": 1}, {"layers": 2}, {"layers": 3}),
    source="arXiv:2002.02126",
    modalities=("clicks",),
    small_baseline=True,
)
