"""What each modality buys: a light late fusion trained without one of them, or on one alone.

Source: ablation over modalities as in Baltrusaitis et al. 2019, arXiv:1705.09406, section 6; the
network is that of `late_fusion` with concatenation, less the branches left out. Version 1 answered
at the training data's odds where it reads no document.
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method
from harness.odds import to_even_odds

BRANCHES = ("transaction", "log", "document")


class Some(nn.Module):
    """The branches of a light model that `kept` names, side by side, and its hidden layer."""

    def __init__(self, model: Any, kept: tuple[str, ...], classes: int) -> None:
        super().__init__()
        branches = zip(BRANCHES, (model.table, model.log, model.image), strict=True)
        self.branches = nn.ModuleDict({name: each for name, each in branches if name in kept})
        hidden = model.classifier.in_features
        self.hidden = nn.Linear(len(kept) * model.features, hidden)
        self.classifier = nn.Linear(hidden, classes)

    def forward(
        self, categories: Tensor, document: Tensor, events: Tensor, gaps: Tensor, numbers: Tensor
    ) -> Tensor:
        """Logits (n, classes) of the kept modalities."""
        inputs = {
            "transaction": (categories, numbers),
            "log": (events, gaps),
            "document": (document,),
        }
        found = [branch(*inputs[name]) for name, branch in self.branches.items()]
        logits: Tensor = self.classifier(torch.relu(self.hidden(torch.cat(found, dim=1))))
        return logits


def solve(problem: Compression, kept: str, width: float) -> nn.Module:
    """A trained light model of `width` that reads only the modalities in `kept`."""
    names = tuple(kept.split("+"))
    model = problem.train(Some(problem.build(width=width), names, problem.classes))
    if "document" not in names:
        to_even_odds(problem, model)  # training has them among requests with documents alone
    return model


METHOD = Method(
    name="modality_ablation",
    version=2,
    solves=Compression,
    solve=solve,
    settings=(
        {"kept": "log+document", "width": 0.5},
        {"kept": "transaction+document", "width": 0.5},
        {"kept": "transaction+log", "width": 0.5},
        {"kept": "transaction", "width": 0.5},
        {"kept": "log", "width": 0.5},
        {"kept": "document", "width": 0.5},
    ),
    source="arXiv:1705.09406",
    modalities=("fusion",),
)
