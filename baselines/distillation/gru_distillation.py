"""A transformer teaches a small recurrent network; its token vectors are stored in INT8.

Source: Tang et al. 2019, arXiv:1903.12136, sections 3.1 and 3.2. Departs from it: gated recurrent
units and maximum pooling; soft labels instead of squared differences of logits; no made-up
sentences; token vectors start from the principal components of the teacher's, weighted by token
frequency, and are stored in one byte a number with a scale a token (arXiv:1911.02079).
"""

from typing import Any

import torch
from onnx import ModelProto

from harness import Compression, Method
from harness.item_tables import quantize_table
from harness.recurrent import TextGRU
from harness.transformer import Vocabulary, frequent, principal_axes

EPOCHS = 10
SPREAD = 0.1  # standard deviation of the token vectors at the start, as when drawn at random


def solve(problem: Compression, width: int, tokens: int) -> ModelProto:
    """A network of `width` units in each direction that knows the `tokens` most frequent tokens."""
    teacher: Any = problem.reference()
    whole = teacher.embeddings.word_embeddings.weight.detach()  # (tokenizer's, teacher's width)
    kept = frequent(problem, tokens)
    weight = whole[torch.from_numpy(kept)]
    axes = principal_axes(weight, problem.occurrences("ids")[kept])
    vectors = weight @ axes[:width].T  # (kept, width)
    vocabulary = Vocabulary(kept, len(whole), SPREAD * vectors / vectors.std())
    student = TextGRU(vocabulary, vectors.shape[1], problem.classes)
    problem.train(
        student, teacher=teacher, temperature=2.0, keep_soft=True, learning_rate=4.0, epochs=EPOCHS
    )
    return quantize_table(problem.export(student), rows=len(kept))


METHOD = Method(
    name="gru_distillation",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 32, "tokens": 8_000},
        {"width": 64, "tokens": 12_000},
        {"width": 128, "tokens": 12_000},
    ),
    source="arXiv:1903.12136",
    modalities=("text",),
)
