"""Knowledge distillation: a small network of the family learns the reference's soft labels.

Source: Hinton, Vinyals, Dean 2015, arXiv:1503.02531, section 2; T = 4, weight 0.9. The teacher is
asked once for each example where a task allows it; version 1 asked at each step, which took most of
the budget of a small student.
"""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression, width: float) -> nn.Module:
    """A student of `width` times the reference's channels."""
    return problem.train(problem.build(width=width), teacher=problem.reference(), keep_soft=True)


METHOD = Method(
    name="knowledge_distillation",
    version=2,
    solves=Compression,
    solve=solve,
    settings=({"width": 0.5}, {"width": 0.25}, {"width": 0.125}),
    source="arXiv:1503.02531",
)
