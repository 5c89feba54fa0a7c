"""Logits of a classifier corrected for the odds of what it was trained on."""

from __future__ import annotations

from typing import Any

import torch

from harness.problems import Compression

BATCHES = 40  # to count classes in


def to_even_odds(problem: Compression, model: Any) -> None:
    """Shift `model.classifier`'s bias, in place, as if both classes had been equally frequent.

    Source: Saerens et al. 2002, doi:10.1162/089976602753284446, section 2.2.
    """
    labels = torch.cat([targets for _, targets in problem.batches(model, BATCHES)])
    with torch.no_grad():
        model.classifier.bias[1] += torch.log((labels == 0).sum() / (labels == 1).sum())
