"""Embedding factorization: token vectors of a few features, and one matrix back to full width.

Source: Lan et al. 2019, arXiv:1909.11942 (ALBERT), section 3.1. Departs from it: the factors start
from the principal components of the trained vectors, weighted by token frequency.
"""

from typing import Any

import numpy as np
from torch import nn

from harness import Compression, Method
from harness.transformer import embedding_of, principal_axes


def solve(problem: Compression, features: int) -> nn.Module:
    """The reference with token vectors of `features` numbers."""
    model: Any = problem.reference()
    weight = model.embeddings.word_embeddings.weight.detach()  # (tokens, width)
    seen = np.pad(problem.occurrences("ids"), (0, len(weight)))[: len(weight)]
    basis = principal_axes(weight, seen)[:features]  # (features, width)
    back = nn.Linear(len(basis), weight.shape[1], bias=False)
    back.weight.data = basis.T.contiguous()
    table = embedding_of(weight @ basis.T)
    model.embeddings.word_embeddings = nn.Sequential(table, back)
    return problem.finetune(model)


METHOD = Method(
    name="embedding_factorization",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"features": 128}, {"features": 64}, {"features": 32}),
    source="arXiv:1909.11942",
    modalities=("text",),
)
