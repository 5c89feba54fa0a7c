"""INT8 quantization-aware training: fine-tune through rounding, then export as QDQ.

Source: Jacob et al. 2018, arXiv:1712.05877, section 3 (fake quantization, moving-average ranges).
Version 1 left the classifier in fp32.
"""

from onnx import ModelProto

from harness import Compression, Method
from harness.fake_quantization import export_int8, quantization_aware


def solve(problem: Compression, distil: bool, share: float) -> ModelProto:
    """The reference in INT8 after training with `share` of the budget."""
    model = quantization_aware(problem.reference())
    teacher = (
        {"teacher": problem.reference(), "temperature": 2.0, "keep_soft": True} if distil else {}
    )
    return export_int8(problem, problem.finetune(model, share=share, **teacher))


METHOD = Method(
    name="qat_int8",
    version=2,
    solves=Compression,
    solve=solve,
    settings=(
        {"distil": True, "share": 1.0},
        {"distil": False, "share": 1.0},
        {"distil": True, "share": 0.3},
    ),
    source="arXiv:1712.05877",
    modalities=("text", "vector"),
)
