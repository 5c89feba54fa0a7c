"""Image networks for a search: stages of residual, separable or inverted blocks of any width.

Source: basic blocks of He et al. 2015, arXiv:1512.03385; inverted residuals of Sandler et al. 2018,
arXiv:1801.04381; squeeze-excitation of Hu et al. 2017, arXiv:1709.01507. Names are those of the
ResNet beside this file, so that what prunes one prunes the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tasks.models.resnet import STAGE_WIDTHS, Normalize

REDUCTION = 4


@dataclass(frozen=True)
class Stage:
    """`depth` blocks of one kind, `width` times the channels of ResNet-18's stage.

    `block` is `basic` or like `inverted 3x3 x4 SE`: window, expansion, squeeze-excitation.
    """

    width: float
    depth: int
    block: str


class SqueezeExcitation(nn.Module):
    """Channels (n, c, h, w) scaled by what their means say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(4, channels // REDUCTION)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, inner, 1)
        self.excite = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        gate: Tensor = torch.sigmoid(self.excite(torch.relu(self.squeeze(self.pool(x)))))
        return x * gate


def _convolution(
    name: str, inputs: int, outputs: int, window: int, stride: int = 1, groups: int = 1
) -> dict[str, nn.Module]:
    """A convolution and its normalisation."""
    options = {"stride": stride, "padding": window // 2, "groups": groups, "bias": False}
    return {
        name: nn.Conv2d(inputs, outputs, window, **options),  # type: ignore[arg-type]
        f"{name}_norm": nn.BatchNorm2d(outputs),
    }


class Block(nn.Module):
    """One residual block; the shortcut is a 1x1 convolution where shapes differ.

    Parts are named by what they do, so that equal names of two kinds mean the same weights.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, kind: str) -> None:
        super().__init__()
        if kind == "basic":
            parts = _convolution("first", inputs, outputs, 3, stride)
            parts |= {"relu": nn.ReLU(inplace=True)}
            parts |= _convolution("second", outputs, outputs, 3)
        else:
            _, window, factor, *rest = kind.split()
            inner, size = int(factor[1:]) * inputs, int(window[0])
            parts = _convolution("expand", inputs, inner, 1)
            parts |= {"expand_relu": nn.ReLU(inplace=True)}
            parts |= _convolution("depthwise", inner, inner, size, stride, inner)
            parts |= {"relu": nn.ReLU(inplace=True)}
            parts |= {"excitation": SqueezeExcitation(inner)} if rest else {}
            parts |= _convolution("project", inner, outputs, 1)
        self.body = nn.Sequential(OrderedDict(parts))
        same = stride == 1 and inputs == outputs
        bridge = {} if same else _convolution("match", inputs, outputs, 1, stride)
        self.shortcut = nn.Sequential(OrderedDict(bridge))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        return torch.relu(self.body(x) + self.shortcut(x))


def build(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    stages: Sequence[Stage],
    classes: int = 10,
) -> nn.Module:
    """An untrained network of four stages; all but the first halve the image."""
    widths = [
        max(8, round(stage.width * channels / 8) * 8)
        for stage, channels in zip(stages, STAGE_WIDTHS, strict=True)
    ]
    model = nn.Sequential()
    model.add_module("normalize", Normalize(mean, std))
    model.add_module("stem", nn.Conv2d(3, widths[0], 3, padding=1, bias=False))
    model.add_module("stem_norm", nn.BatchNorm2d(widths[0]))
    model.add_module("stem_relu", nn.ReLU(inplace=True))
    before = widths[0]
    for number, (stage, width) in enumerate(zip(stages, widths, strict=True), start=1):
        stride = 1 if number == 1 else 2
        blocks = [Block(before, width, stride, stage.block)]
        blocks += [Block(width, width, 1, stage.block) for _ in range(stage.depth - 1)]
        model.add_module(f"stage{number}", nn.Sequential(*blocks))
        before = width
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flatten", nn.Flatten())
    model.add_module("classifier", nn.Linear(before, classes))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model
