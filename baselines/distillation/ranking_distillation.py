"""Ranking distillation: the hybrid teaches a small sequence-only network its top of the list.

Source: Tang and Wang 2018, arXiv:1809.07428, section 3.2 (the teacher's top K are extra positives,
weighted by position). Departs from it: the top K are those of the right item and the 1,024 drawn
ones of training, not of the catalogue; a cross-entropy with weights falling as exp(-rank / K),
its exponential scheme, instead of pairwise losses.
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method
from harness.retrieval import stored


def solve(problem: Compression, width: float, depth: float, top: int) -> nn.Module:
    """A student of `width` and `depth` times the reference that learns the teacher's `top`."""
    teacher: Any = stored(problem.reference())
    weights = torch.softmax(-torch.arange(top) / top, 0)  # (top,), falling with the rank

    def imitation(outputs: Tensor, taught: Tensor) -> Tensor:
        best = taught.topk(min(top, taught.shape[1])).indices  # (m, top)
        found = outputs.float().log_softmax(1).gather(1, best)
        return -(found * weights[: best.shape[1]].to(found)).sum(1).mean()

    student = problem.build(fusion="sequence", width=width, depth=depth)
    options = {"teacher": teacher, "teacher_weight": 0.5, "imitation": imitation}
    return problem.train(student, **options)


METHOD = Method(
    name="ranking_distillation",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 1.0, "depth": 1.0, "top": 20},
        {"width": 0.5, "depth": 0.5, "top": 20},
        {"width": 0.5, "depth": 0.5, "top": 100},
        {"width": 0.25, "depth": 0.5, "top": 20},
    ),
    source="arXiv:1809.07428",
    modalities=("clicks",),
)
