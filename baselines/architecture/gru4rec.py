"""GRU4Rec: a gated recurrent network over the clicks.

Source: Hidasi et al. 2016, arXiv:1511.06939. Departs from it: the task's sampled softmax instead
of its ranking losses.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Compression, Method
from harness.retrieval import NextItem, Table, vectors


class Recurrent(NextItem):
    """Dropout, one GRU and a linear layer back to the items' width."""

    def __init__(self, catalogue: int, width: int) -> None:
        super().__init__(Table(0.02 * torch.randn(catalogue + 1, width)), catalogue)
        self.dropout = nn.Dropout(0.4)
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.back = nn.Linear(width, width)

    def encode(self, history: Tensor, table: Tensor, last: bool = False) -> Tensor:
        """int64 (n, t) to what follows each position, (n, t or 1, width).

        The padding is moved behind the clicks but for one place, the start.
        """
        steps = history.shape[1]
        empty = ((history == 0).sum(1, keepdim=True) - 1).clamp_min(0)  # (n, 1)
        places = torch.arange(steps, device=history.device)
        clicks = history.gather(1, (places + empty) % steps)
        hidden, _ = self.recurrent(self.dropout(vectors(clicks, table)))  # (n, t, width)
        back = (places[-1:] if last else places) - empty
        index = torch.where(back < 0, back + steps, back)[:, :, None]
        hidden = hidden.gather(1, index.expand(-1, -1, hidden.shape[2]))
        encoded: Tensor = self.back(self.dropout(functional.gelu(hidden)))
        return encoded


def solve(problem: Compression, width: int) -> nn.Module:
    """A trained network of `width` units."""
    model = Recurrent(int(problem.context["sizes"][1]), width)
    return problem.train(model)


METHOD = Method(
    name="gru4rec",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"width": 128}, {"width": 64}, {"width": 32}),
    source="arXiv:1511.06939",
    modalities=("clicks",),
    small_baseline=True,
)
