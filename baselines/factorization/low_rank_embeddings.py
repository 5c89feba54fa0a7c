"""Low-rank item embeddings: vectors of a few features, and one matrix to the encoder and back.

Source: Lan et al. 2019, arXiv:1909.11942 (ALBERT), section 3.1, for input and output alike.
Departs from it: the factors start from the trained table's principal components.
"""

from typing import Any

from torch import nn

from harness import Compression, Method
from harness.retrieval import Projected, Table, principal, stored


def solve(problem: Compression, features: int) -> nn.Module:
    """The reference with item vectors of `features` numbers."""
    model: Any = stored(problem.reference())
    narrow, basis = principal(model.items(), features)
    low_rank = Projected(model, Table(narrow), basis)
    return problem.finetune(low_rank, teacher=stored(problem.reference()), temperature=1.0)


METHOD = Method(
    name="low_rank_embeddings",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"features": 64}, {"features": 32}, {"features": 16}),
    source="arXiv:1909.11942",
    modalities=("clicks",),
)
