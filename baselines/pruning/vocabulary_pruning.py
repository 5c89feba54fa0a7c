"""Vocabulary pruning: keep the vectors of the most frequent tokens, the rest become unknown.

Source: Abdaoui et al. 2020, arXiv:2010.05609 (there by language, here by the task's training
text). The table from the tokenizer's ids to rows is part of the graph.
"""

from typing import Any

from torch import nn

from harness import Compression, Method
from harness.transformer import prune_vocabulary


def solve(problem: Compression, tokens: int) -> nn.Module:
    """The reference with vectors for at most `tokens` tokens."""
    model: Any = problem.reference()
    prune_vocabulary(problem, model, tokens)
    model.embeddings.requires_grad_(False)
    return problem.finetune(model, share=0.3)


METHOD = Method(
    name="vocabulary_pruning",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"tokens": 12_000}, {"tokens": 6_000}, {"tokens": 3_000}),
    source="arXiv:2010.05609",
    modalities=("text",),
)
