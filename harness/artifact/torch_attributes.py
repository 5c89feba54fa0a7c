"""What an operator's torch function is told besides its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Attributes:
    """A node's attributes by name, the float type and device in use, and how many outputs."""

    values: Mapping[str, Any]
    dtype: torch.dtype
    device: torch.device
    outputs: int

    def get(self, name: str, default: Any = None) -> Any:
        """The attribute, or `default`."""
        return self.values.get(name, default)


def integers(tensor: Tensor) -> list[int]:
    """The numbers of a shape-like tensor."""
    return [int(number) for number in tensor.flatten().tolist()]


def together(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    """The tensors on one device: integers that stayed on the CPU follow the others."""
    devices = {tensor.device for tensor in tensors}
    if len(devices) == 1:
        return tensors
    target = next(device for device in devices if device.type != "cpu")
    return [tensor.to(target) for tensor in tensors]
