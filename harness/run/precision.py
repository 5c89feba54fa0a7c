"""bf16 where it pays, and fp32 for the one kernel that is slow in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType

import torch
from torch import Tensor, nn

from harness import environment


def bf16_is_fast(device: torch.device) -> bool:
    """Whether bf16 autocast pays: a GPU that has it, or a CPU with AVX-512 bf16 or AMX."""
    return environment.precision(device.type) == "bf16"


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where it pays, otherwise plain fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device))


@contextmanager
def strided_depthwise_in_fp32(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Within, depthwise convolutions that stride run in fp32 although bf16 is on.

    On CPUs oneDNN falls back to its reference kernel for their bf16 gradients: 138 ms against
    26 ms in fp32 for 64 inputs of (144, 32, 32) on one Zen 4 core, half of MobileNetV2's step.
    """
    slow: list[nn.Conv2d] = []
    if device.type == "cpu" and bf16_is_fast(device):
        slow += [m for m in model.modules() if isinstance(m, nn.Conv2d) and _strides_depthwise(m)]
    for conv in slow:
        conv.forward = MethodType(_forward_in_fp32, conv)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for conv in slow:
            del conv.forward


def _strides_depthwise(conv: nn.Conv2d) -> bool:
    return conv.groups == conv.in_channels > 1 and max(conv.stride) > 1


def _forward_in_fp32(conv: nn.Conv2d, image: Tensor) -> Tensor:
    with torch.autocast(image.device.type, enabled=False):
        return type(conv).forward(conv, image.float())
