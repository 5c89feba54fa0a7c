"""Shorter histories: the reference is shown the latest clicks only, without any training.

Source: the maximum length of Kang and McAuley 2018, arXiv:1808.09781, section IV-F, cut at serving.
"""

from typing import Any

from torch import nn

from harness import Compression, Method
from harness.retrieval import Recent


def solve(problem: Compression, clicks: int) -> nn.Module:
    """The reference on the latest `clicks` clicks."""
    model: Any = problem.reference()
    return Recent(model, clicks)


METHOD = Method(
    name="history_truncation",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"clicks": 25}, {"clicks": 12}, {"clicks": 6}, {"clicks": 3}),
    source="arXiv:1808.09781",
    modalities=("clicks",),
)
