"""A fully connected network on raw uint8 images, at any width and depth."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

HIDDEN = (1024, 1024, 512)


class Scale(nn.Module):
    """uint8 (n, ...) in 0..255 to float32 (n, pixels) in [0, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        """One row an image."""
        return torch.flatten(images.float() / 255, 1)  # (n, pixels)


def build(pixels: int, width: float = 1.0, depth: float = 1.0, classes: int = 10) -> nn.Sequential:
    """ReLU layers of HIDDEN units, scaled by `width`; `depth` keeps that share of them."""
    hidden = [max(4, round(width * units / 4) * 4) for units in HIDDEN]
    return layered(pixels, hidden[: max(1, round(depth * len(hidden)))], classes)


def layered(pixels: int, hidden: Sequence[int], classes: int = 10) -> nn.Sequential:
    """ReLU layers of `hidden` units, without any a linear classifier."""
    model = nn.Sequential()
    model.add_module("scale", Scale())
    for index, (inputs, units) in enumerate(zip([pixels, *hidden], hidden, strict=False), start=1):
        model.add_module(f"hidden{index}", nn.Linear(inputs, units))
        model.add_module(f"relu{index}", nn.ReLU())
    model.add_module("classifier", nn.Linear([pixels, *hidden][-1], classes))
    return model
