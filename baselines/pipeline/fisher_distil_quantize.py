"""Heads and neurons by Fisher information, a smaller vocabulary, distilled, in INT8: one pipeline.

Source: what is cut follows Kwon et al. 2022, arXiv:2204.09656; vocabulary by frequency
(arXiv:2010.05609), distillation (arXiv:1503.02531), dynamic INT8 (arXiv:1712.05877). No layer is
dropped: each keeps what is worth its multiplications.
"""

from onnx import ModelProto

from harness import Compression, Method
from harness.int8 import quantize_dynamically
from harness.transformer import keep_by_fisher, prune_vocabulary


def solve(problem: Compression, speed_up: float, tokens: int) -> ModelProto:
    """1 / `speed_up` of the multiplications and the `tokens` most frequent tokens, in INT8."""
    model = keep_by_fisher(problem, problem.reference(), speed_up)
    prune_vocabulary(problem, model, tokens)
    model = problem.finetune(model, teacher=problem.reference(), temperature=2.0, keep_soft=True)
    graph = quantize_dynamically(problem.export(model), per_channel=True, embeddings=True)
    # Where it knows the shapes between operators, ONNX Runtime 1.31 fuses Add and
    # LayerNormalization into SkipLayerNormalization, which takes longer than the two.
    del graph.graph.value_info[:]
    return graph


METHOD = Method(
    name="fisher_distil_quantize",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"speed_up": 4.0, "tokens": 12_000},
        {"speed_up": 8.0, "tokens": 10_000},
        {"speed_up": 16.0, "tokens": 8_000},
    ),
    source="arXiv:2204.09656",
    modalities=("text",),
)
