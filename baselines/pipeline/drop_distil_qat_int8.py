"""Drop layers, shrink the vocabulary, distil, then train through INT8 rounding with the teacher.

Source: layer dropping (arXiv:2004.03844, top layers), vocabulary by frequency (arXiv:2010.05609),
distillation (arXiv:1503.02531), quantization-aware training (arXiv:1712.05877, section 3) as in
Q8BERT (Zafrir et al. 2019, arXiv:1910.06188).
"""

from typing import Any

from onnx import ModelProto
from torch import nn

from harness import Compression, Method
from harness.fake_quantization import export_int8, quantization_aware
from harness.transformer import prune_vocabulary

TEMPERATURE = 2.0
FIRST = 0.7  # of the budget, before rounding


def solve(problem: Compression, layers: float, tokens: int) -> ModelProto:
    """The share `layers` of the reference's layers over `tokens` word pieces, in INT8."""
    model: Any = problem.reference()
    model.layers = nn.ModuleList(model.layers[: max(1, round(layers * len(model.layers)))])
    prune_vocabulary(problem, model, tokens)
    options = {"teacher": problem.reference(), "temperature": TEMPERATURE, "keep_soft": True}
    small = problem.finetune(model, share=FIRST, **options)
    return export_int8(problem, problem.finetune(quantization_aware(small), **options))


METHOD = Method(
    name="drop_distil_qat_int8",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"layers": 0.667, "tokens": 12_000},
        {"layers": 0.5, "tokens": 12_000},
        {"layers": 0.333, "tokens": 8_000},
    ),
    source="arXiv:1910.06188",
    modalities=("text",),
)
