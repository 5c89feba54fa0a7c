"""Late fusion: a light encoder for each modality, fused at the end in one of four ways.

Source: the ways are surveyed by Baltrusaitis et al. 2019, arXiv:1705.09406, section 6; gates as in
Arevalo et al. 2017, arXiv:1702.01992, section 3.1; stacking by Wolpert 1992,
doi:10.1016/S0893-6080(05)80023-1, here on the training split. Trained again from the first
learning rate (`trainings`), it has seen the data as often as what is pruned and trained again.
Version 1 trained the stack's last layer too slowly.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method

STACK_RATE = 30.0  # of the recipe's, for the few weights over frozen logits


class Logits(nn.Module):
    """Logits of each modality alone, side by side or their mean."""

    def __init__(self, features: int, classes: int, mean: bool) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(features, classes) for _ in range(3))
        self.mean = mean

    def forward(self, table: Tensor, log: Tensor, image: Tensor) -> Tensor:
        """Three of float32 (n, features) to (n, classes), or (n, 3 * classes) if not the mean."""
        found = [head(each) for head, each in zip(self.heads, (table, log, image), strict=True)]
        return torch.stack(found).mean(0) if self.mean else torch.cat(found, dim=1)


class Alone(nn.Module):
    """One modality of a light model with its own head, to be trained alone."""

    def __init__(self, model: Any, modality: int) -> None:
        super().__init__()
        self.model, self.modality = model, modality

    def forward(
        self, categories: Tensor, document: Tensor, events: Tensor, gaps: Tensor, numbers: Tensor
    ) -> Tensor:
        """Logits (n, classes) of one modality."""
        model = self.model
        if self.modality == 0:
            found = model.table(categories, numbers)
        else:
            found = model.log(events, gaps) if self.modality == 1 else model.image(document)
        logits: Tensor = model.fusion.heads[self.modality](found)
        return logits


def stacked(problem: Compression, model: Any) -> nn.Module:
    """Each modality trained alone, then a linear layer over their logits."""
    model.fusion = Logits(model.features, problem.classes, mean=False)
    model.classifier = nn.Linear(3 * problem.classes, problem.classes)
    for modality in range(3):
        alone = problem.train(Alone(model, modality), share=1 / (4 - modality))
        assert isinstance(alone, Alone)
        model = alone.model
    frozen = copy.deepcopy(model)
    for part in (frozen.table, frozen.log, frozen.image, frozen.fusion):
        part.requires_grad_(False)
    return problem.train(frozen, epochs=1, learning_rate=STACK_RATE)


def solve(problem: Compression, fusion: str, width: float, trainings: int = 1) -> nn.Module:
    """A light model of `width`, its modalities fused as asked, trained that many times over."""
    if fusion in ("concatenation", "gated"):
        joint = problem.build(width=width, fusion=fusion)
        for _ in range(trainings):
            joint = problem.train(joint)
        return joint
    model: Any = problem.build(width=width)
    if fusion == "stacking":
        return stacked(problem, model)
    if fusion == "logit_average":
        model.fusion = Logits(model.features, problem.classes, mean=True)
        model.classifier = nn.Identity()
    return problem.train(model)


METHOD = Method(
    name="late_fusion",
    version=2,
    solves=Compression,
    solve=solve,
    settings=(
        {"fusion": "concatenation", "width": 0.5},
        {"fusion": "gated", "width": 0.5},
        {"fusion": "logit_average", "width": 0.5},
        {"fusion": "stacking", "width": 0.5},
        {"fusion": "concatenation", "width": 0.25},
        {"fusion": "gated", "width": 0.25},
        {"fusion": "gated", "width": 1.0},
        {"fusion": "gated", "width": 0.5, "trainings": 2},
        {"fusion": "gated", "width": 1.0, "trainings": 2},
    ),
    source="arXiv:1705.09406",
    modalities=("fusion",),
    small_baseline=True,
)
