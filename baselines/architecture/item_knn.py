"""Item-kNN: items that were clicked by the same users, nearest to what was clicked last.

Source: Deshpande and Karypis 2004, doi:10.1145/963770.963776 (cosine similarity, few neighbours);
the weight falls with each click since, as in Ludewig and Jannach 2018, arXiv:1803.09587. Items
that are as near go by how often they were clicked.
"""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from harness import Compression, Method

TIES = 1e-3  # what the most clicked item is ahead of the least clicked one


def nearest(
    clicks: np.ndarray, sizes: tuple[int, int], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` most similar items of each: ids int64 and cosines float32, (items + 1, count)."""
    ones = np.ones(clicks.shape[1], np.float32)
    matrix = sparse.csr_matrix((ones, (clicks[0], clicks[1])), shape=sizes)
    lengths = np.sqrt(np.asarray(matrix.sum(0)).ravel()).clip(1)
    together = (matrix.T @ matrix).tocsr()
    together.setdiag(0)
    ids = np.zeros((sizes[1], count), np.int64)
    cosines = np.zeros((sizes[1], count), np.float32)
    for item in range(sizes[1]):
        row = slice(together.indptr[item], together.indptr[item + 1])
        others = together.indices[row]
        near = together.data[row] / (lengths[item] * lengths[others])
        best = np.argsort(-near, kind="stable")[:count]
        ids[item, : len(best)], cosines[item, : len(best)] = others[best], near[best]
    return ids, cosines


class Neighbours(nn.Module):
    """Adds up the cosines of the neighbours of every click."""

    ids: Tensor
    cosines: Tensor
    common: Tensor

    def __init__(
        self, ids: np.ndarray, cosines: np.ndarray, counts: np.ndarray, decay: float
    ) -> None:
        """`counts`: how often each item was clicked, (items + 1,)."""
        super().__init__()
        common = np.empty(len(ids), np.float32)
        common[np.argsort(counts, kind="stable")] = np.linspace(0, TIES, len(ids))
        self.register_buffer("common", torch.from_numpy(common))
        self.register_buffer("ids", torch.from_numpy(ids).int())
        self.register_buffer("cosines", torch.from_numpy(cosines))
        self.catalogue, self.decay = len(ids) - 1, decay

    def forward(self, history: Tensor) -> Tensor:
        """int64 (n, t), the latest click last, to scores (n, items + 1)."""
        age = torch.arange(history.shape[1] - 1, -1, -1, device=history.device)
        found = self.cosines[history] * (self.decay**age)[:, None]  # (n, t, count)
        near = self.ids[history].long().flatten(1)
        least = self.common.repeat(history.shape[0], 1)  # (n, items + 1)
        return least.scatter_add(1, near, found.flatten(1))


def solve(problem: Compression, neighbours: int, decay: float) -> nn.Module:
    """`neighbours` a click; a click counts `decay` times as much as the one after it."""
    users, items, _ = (int(size) for size in problem.context["sizes"])
    clicks = problem.context["user_item"]
    ids, cosines = nearest(clicks, (users, items + 1), neighbours)
    return Neighbours(ids, cosines, np.bincount(clicks[1], minlength=items + 1), decay)


METHOD = Method(
    name="item_knn",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"neighbours": 50, "decay": 0.7},
        {"neighbours": 50, "decay": 1.0},
        {"neighbours": 20, "decay": 0.7},
    ),
    source="doi:10.1145/963770.963776",
    modalities=("clicks",),
    small_baseline=True,
)
