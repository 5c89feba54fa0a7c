"""Distil into a small sequence-only network, cut its history, store its items in INT8.

Source: ranking distillation (arXiv:1809.07428; the teacher's top of 1,025 candidates, not of the
catalogue), the maximum length of arXiv:1808.09781 and row-wise INT8 tables (arXiv:1911.02079), in
the order of Han et al. 2016, arXiv:1510.00149. The student's item vectors start from the principal
components of the reference's.
"""

from typing import Any

import torch
from onnx import ModelProto
from torch import Tensor

from harness import Compression, Method
from harness.item_tables import quantize_table
from harness.retrieval import Recent, principal, stored

TOP = 50


def solve(problem: Compression, width: float, depth: float, clicks: int) -> ModelProto:
    """A student of `width` and `depth` times the reference on the latest `clicks` clicks."""
    teacher: Any = stored(problem.reference())
    student: Any = problem.build(fusion="sequence", width=width, depth=depth)
    narrow, _ = principal(teacher.items(), student.items.weight.shape[1])
    student.items.weight.data = narrow * (0.02 / narrow.std())
    weights = torch.softmax(-torch.arange(TOP) / TOP, 0)

    def imitation(outputs: Tensor, taught: Tensor) -> Tensor:
        best = taught.topk(min(TOP, taught.shape[1])).indices
        found = outputs.float().log_softmax(1).gather(1, best)
        return -(found * weights[: best.shape[1]].to(found)).sum(1).mean()

    options: dict[str, Any] = {"teacher": teacher, "teacher_weight": 0.5, "imitation": imitation}
    student = problem.train(student, **options)
    graph = problem.export(Recent(student, clicks))
    return quantize_table(graph, rows=student.catalogue + 1)


METHOD = Method(
    name="distil_truncate_int8",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 0.5, "depth": 0.5, "clicks": 12},
        {"width": 0.5, "depth": 0.5, "clicks": 25},
        {"width": 0.5, "depth": 1.0, "clicks": 12},
        {"width": 0.25, "depth": 0.5, "clicks": 12},
    ),
    source="arXiv:1510.00149",
    modalities=("clicks",),
)
