"""SASRec: the causal Transformer over clicks alone, without the graph, trained from scratch.

Source: Kang and McAuley 2018, arXiv:1808.09781. Departs from it as tasks/models/clicks.py says: a
softmax over many sampled items, as in Klenitskiy and Vasilev 2023, arXiv:2309.07602.
"""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression, width: float, depth: float) -> nn.Module:
    """A trained Transformer of `width` and `depth` times the reference's."""
    return problem.train(problem.build(fusion="sequence", width=width, depth=depth))


METHOD = Method(
    name="sasrec",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 1.0, "depth": 1.0, "budget": "reference"},
        {"width": 0.5, "depth": 1.0, "budget": "reference"},
        {"width": 0.5, "depth": 0.5},
        {"width": 0.25, "depth": 0.5},
    ),
    source="arXiv:1808.09781",
    modalities=("clicks",),
    small_baseline=True,
)
