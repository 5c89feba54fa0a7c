"""Gradient-boosted trees on hand features of all modalities, or of some: the strong small baseline.

Source: Friedman 2001, doi:10.1214/aos/1013203451, as histograms (Ke et al. 2017, LightGBM) by
scikit-learn. Features and trees are one graph, so that the raw request goes in. Trees multiply
nothing: their training is limited by the run's time, not by its multiply-accumulates. Version 1
read documents at the odds of all training requests.
"""

from typing import Any

import numpy as np
import torch
from onnx import ModelProto
from torch import Tensor, nn

from harness import Compression, Method
from harness.trees import with_trees

KINDS = 16  # of events, with padding as 0
MODALITIES = {"all": (0, 1, 2), "transaction_log": (0, 1), "transaction": (0,)}
TILE = 8  # pixels a side
BLANK = 255  # every pixel of a request without a document


class HandFeatures(nn.Module):
    """Numbers that an analyst would read off a request."""

    def __init__(self, modalities: tuple[int, ...]) -> None:
        super().__init__()
        self.modalities = modalities

    def forward(
        self, categories: Tensor, document: Tensor, events: Tensor, gaps: Tensor, numbers: Tensor
    ) -> Tensor:
        """float32 (n, features)."""
        found: list[Tensor] = []
        if 0 in self.modalities:
            found += self._transaction(categories, numbers)
        if 1 in self.modalities:
            found += self._log(events, gaps)
        if 2 in self.modalities:
            found += self._document(document)
        return torch.cat(found, dim=1)

    @staticmethod
    def _transaction(categories: Tensor, numbers: Tensor) -> list[Tensor]:
        clean = torch.where(torch.isnan(numbers), torch.full_like(numbers, -1.0), numbers)
        magnitudes = torch.log1p(clean.clamp(-0.99, 1e9))
        ratio = magnitudes[:, :1] - magnitudes[:, 4:5]  # amount against the usual one
        return [magnitudes, ratio, categories.to(torch.float32)]

    @staticmethod
    def _log(events: Tensor, gaps: Tensor) -> list[Tensor]:
        present = (events > 0).to(torch.float32)
        count = present.sum(1, keepdim=True)
        safe = count.clamp_min(1.0)
        kinds = [
            (events == kind).to(torch.float32).sum(1, keepdim=True) for kind in range(1, KINDS)
        ]
        pause = torch.log(gaps.clamp(0.0, 1e6) + 0.01)
        mean = (pause * present).sum(1, keepdim=True) / safe
        spread = (((pause - mean) * present) ** 2).sum(1, keepdim=True) / safe
        steps = (pause[:, 1:] - pause[:, :-1]).abs() * present[:, 1:]
        quick = ((gaps < 0.05).to(torch.float32) * present).sum(1, keepdim=True) / safe
        slow = ((gaps > 5).to(torch.float32) * present).sum(1, keepdim=True) / safe
        jump = steps.sum(1, keepdim=True) / safe
        even = ((steps < 0.3).to(torch.float32) * present[:, 1:]).sum(1, keepdim=True) / safe
        return [count, *kinds, mean, spread, jump, even, quick, slow]

    @staticmethod
    def _document(document: Tensor) -> list[Tensor]:
        pixels = document.to(torch.float32)[:, None] / 255
        mean = nn.functional.avg_pool2d(pixels, TILE)
        noise = nn.functional.avg_pool2d((pixels[..., 1:] - pixels[..., :-1]).abs(), TILE)
        mean, noise = mean.flatten(1), noise.flatten(1)  # (n, tiles)
        quiet = torch.topk(noise, 24, dim=1, largest=False).values[:, ::4]
        loud = torch.topk(noise, 24, dim=1).values[:, ::4]
        dark = torch.topk(mean, 8, dim=1, largest=False).values[:, ::4]
        bright = torch.topk(mean, 8, dim=1).values[:, ::4]
        middle = noise.mean(1, keepdim=True)
        return [quiet, loud, dark, bright, middle, quiet / (middle + 1e-3)]


def training_data(
    problem: Compression, made: HandFeatures
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features float32 (n, features), labels (n,), and whether there is a document, bool (n,).

    One pass over the training split.
    """
    examples = int(problem.occurrences("events").sum()) // problem.example[2].shape[1]
    rows, labels, documents, seen = [], [], [], 0
    for inputs, targets in problem.batches(made, examples):
        if seen + len(targets) > examples:
            break
        with torch.inference_mode():
            rows.append(made(*(each.cpu() for each in inputs)).numpy())
        labels.append(targets.cpu().numpy())
        documents.append((inputs[1].cpu().flatten(1) < BLANK).any(1).numpy())
        seen += len(targets)
    return np.concatenate(rows), np.concatenate(labels), np.concatenate(documents)


def solve(problem: Compression, features: str, trees: int) -> ModelProto:
    """Trees on the features of the named modalities."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    made = HandFeatures(MODALITIES[features])
    rows, labels, documents = training_data(problem, made)
    booster: Any = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=min(0.2, 30 / trees),
        max_leaf_nodes=31,
        min_samples_leaf=20,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=int(torch.randint(2**31, (1,))),
    ).fit(rows, labels)
    nodes = [stage[0].nodes for stage in booster._predictors]
    base = float(booster._baseline_prediction.ravel()[0])
    like = labels[documents] if 2 in made.modalities else labels  # requests as those to come
    even = float(np.log((like == 0).sum() / (like == 1).sum()))  # logits are read at even odds
    return with_trees(problem.export(made), nodes, base + even)


METHOD = Method(
    name="boosted_trees",
    version=2,
    solves=Compression,
    solve=solve,
    settings=(
        {"features": "all", "trees": 300},
        {"features": "all", "trees": 100},
        {"features": "transaction_log", "trees": 300},
        {"features": "transaction", "trees": 300},
    ),
    source="doi:10.1214/aos/1013203451",
    modalities=("fusion",),
    small_baseline=True,
)
