"""Half the resolution, a small network, a teacher, and training through INT8 rounding.

Source: resolution is scaled together with width as in Tan and Le 2019, arXiv:1905.11946, section 3;
distilled and quantized as in Polino et al. 2018, arXiv:1802.05668, section 3. Most weights of a
perceptron read the image, so a quarter of the pixels pays for wider layers behind. Version 1 took
the means of pixels in float, version 2 by shifts, which ONNX Runtime does one by one.
"""

from typing import Any

import torch
from onnx import ModelProto
from torch import Tensor, nn

from harness import Compression, Method
from harness.fake_quantization import export_int8, quantization_aware

EPOCHS, AWARE_EPOCHS = 200, 60
TEMPERATURE = 2.0


class Halved(nn.Module):
    """Means of 2 x 2 pixels, rounded to the 8 bits of a pixel: pooling between QDQ pairs."""

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (n, h, w) in 0..255 to float32 (n, h * w / 4) in [0, 1]."""
        means = nn.functional.avg_pool2d(in_8_bits(images.float() / 255).unsqueeze(1), 2)
        return in_8_bits(means).flatten(1)


def in_8_bits(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] rounded to multiples of 1 / 255."""
    return torch.fake_quantize_per_tensor_affine(pixels, 1 / 255, 0, 0, 255)


def student(problem: Compression, width: float) -> nn.Module:
    """The reference at `width` times its units, on means of pixels."""
    model: Any = problem.build(width=width)
    first = model.hidden1
    model.scale = Halved()
    model.hidden1 = nn.Linear(first.in_features // 4, first.out_features)
    return model  # type: ignore[no-any-return]


def solve(problem: Compression, width: float) -> ModelProto:
    """An INT8 student of `width` that sees half the resolution."""
    options = {"teacher": problem.reference(), "temperature": TEMPERATURE, "keep_soft": True}
    small = problem.train(student(problem, width), epochs=EPOCHS, share=0.8, **options)
    aware = quantization_aware(small)
    return export_int8(problem, problem.finetune(aware, epochs=AWARE_EPOCHS, **options))


METHOD = Method(
    name="low_resolution_int8",
    version=3,
    solves=Compression,
    solve=solve,
    settings=({"width": 0.125}, {"width": 0.109375}, {"width": 0.09375}, {"width": 0.0625}),
    source="arXiv:1802.05668",
    modalities=("vector",),
)
