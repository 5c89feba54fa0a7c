"""Drop layers, cut the rest, shrink the vocabulary, distil, quantize dynamically: one pipeline.

Source: cut, train, quantize in the order of Han et al. 2016, arXiv:1510.00149, with layer dropping
(arXiv:2004.03844), Fisher-style neuron and head cuts (arXiv:2204.09656), vocabulary by frequency
(arXiv:2010.05609), distillation (arXiv:1503.02531) and INT8 (arXiv:1712.05877).
"""

from typing import Any

from onnx import ModelProto
from torch import nn

from harness import Compression, Method
from harness.int8 import quantize_dynamically
from harness.transformer import gate_scores, keep_heads, keep_neurons, prune_vocabulary

BATCHES = 100


def solve(problem: Compression, layers: float, width: float, tokens: int) -> ModelProto:
    """The shares `layers` of the layers and `width` of their heads and neurons, in INT8."""
    model: Any = problem.reference()
    model.layers = nn.ModuleList(model.layers[: max(1, round(layers * len(model.layers)))])
    scores = gate_scores(problem, model, BATCHES, 2)
    for layer, (heads, neurons) in zip(model.layers, scores, strict=True):
        best = heads.topk(max(1, round(width * len(heads)))).indices
        keep_heads(layer, best.sort().values)
        best = neurons.topk(max(8, round(width * len(neurons)))).indices
        keep_neurons(layer, best.sort().values)
    prune_vocabulary(problem, model, tokens)
    model = problem.finetune(model, teacher=problem.reference(), temperature=2.0, keep_soft=True)
    return quantize_dynamically(problem.export(model), per_channel=True, embeddings=True)


METHOD = Method(
    name="drop_distil_quantize",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"layers": 0.667, "width": 1.0, "tokens": 12_000},
        {"layers": 0.5, "width": 1.0, "tokens": 12_000},
        {"layers": 0.5, "width": 0.5, "tokens": 8_000},
        {"layers": 0.5, "width": 0.42, "tokens": 8_000},
        {"layers": 0.333, "width": 0.5, "tokens": 8_000},
        {"layers": 0.167, "width": 0.25, "tokens": 4_000},
    ),
    source="arXiv:1510.00149",
    modalities=("text",),
)
