"""Distil into a small network, then train it through INT8 rounding: the smallest perceptrons.

Source: distillation (arXiv:1503.02531), then quantization-aware training with the same teacher
(arXiv:1712.05877, section 3; distilled as in Polino et al. 2018, arXiv:1802.05668, section 3). The
teacher's answers are computed once, so that the budget goes into the student. Version 1 left the
classifier in fp32.
"""

from onnx import ModelProto

from harness import Compression, Method
from harness.fake_quantization import export_int8, quantization_aware

EPOCHS, AWARE_EPOCHS = 200, 60
TEMPERATURE = 2.0


def solve(problem: Compression, width: float) -> ModelProto:
    """An INT8 student of `width` times the reference's units."""
    options = {"teacher": problem.reference(), "temperature": TEMPERATURE, "keep_soft": True}
    student = problem.train(problem.build(width=width), epochs=EPOCHS, share=0.8, **options)
    aware = quantization_aware(student)
    return export_int8(problem, problem.finetune(aware, epochs=AWARE_EPOCHS, **options))


METHOD = Method(
    name="distil_qat_int8",
    version=2,
    solves=Compression,
    solve=solve,
    settings=({"width": 0.125}, {"width": 0.0625}, {"width": 0.046875}),
    source="arXiv:1802.05668",
    modalities=("vector",),
)
