"""Random flips and shifts of image batches, on uint8 tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

GREY = 121  # the mean of CIFAR-10's training pixels


def flip_and_shift(inputs: list[Tensor], generator: Any, pixels: int = 4) -> list[Tensor]:
    """Mirror half the images left to right and shift each by up to `pixels`, edges reflected.

    `inputs[0]`: uint8 (n, c, h, w). Source: the usual CIFAR augmentation, He et al. 2015,
    arXiv:1512.03385, section 4.2 (there with zero padding).
    """
    import torch
    from torch.nn import functional

    images = inputs[0]
    count, channels, height, width = images.shape
    padded = functional.pad(images.float(), (pixels,) * 4, mode="reflect").to(images.dtype)
    rows = _offsets(count, pixels, generator) + torch.arange(height)  # (n, h)
    columns = _offsets(count, pixels, generator) + torch.arange(width)  # (n, w)
    mirror = torch.rand(count, 1, generator=generator) < 0.5
    columns = torch.where(mirror, columns.flip(1), columns)
    shifted = padded[
        torch.arange(count)[:, None, None, None],
        torch.arange(channels)[None, :, None, None],
        rows[:, None, :, None].to(images.device),
        columns[:, None, None, :].to(images.device),
    ]
    return [shifted, *inputs[1:]]


def flip_shift_and_cut(inputs: list[Tensor], generator: Any, side: int = 8) -> list[Tensor]:
    """As flip_and_shift, then a grey square of `side` pixels somewhere on each image (cutout).

    `inputs[0]`: uint8 (n, c, h, w). Source: DeVries and Taylor 2017, arXiv:1708.04552.
    """
    import torch

    images, *others = flip_and_shift(inputs, generator)
    count, _, height, width = images.shape
    top = torch.randint(0, height - side + 1, (count, 1), generator=generator)
    left = torch.randint(0, width - side + 1, (count, 1), generator=generator)
    rows = (torch.arange(height) - top).div(side, rounding_mode="floor") == 0  # (n, h)
    columns = (torch.arange(width) - left).div(side, rounding_mode="floor") == 0  # (n, w)
    square = (rows[:, None, :, None] & columns[:, None, None, :]).to(images.device)
    return [images.masked_fill(square, GREY), *others]


def _offsets(count: int, pixels: int, generator: Any) -> Tensor:
    import torch

    return torch.randint(0, 2 * pixels + 1, (count, 1), generator=generator)
