"""ResNet with the CIFAR stem, at any width and depth; raw uint8 images in, logits out.

Source: He et al. 2015, arXiv:1512.03385; 3x3 stem without pooling as is usual on CIFAR. Blocks are
torchvision's. The input normalisation is part of the network, so that the deployed graph takes
the decoded image byte by byte.
"""

import torch
from torch import Tensor, nn

import harness.torchvision_ops  # noqa: F401  (must come before torchvision)

from torchvision.models.resnet import BasicBlock  # isort: skip

STAGE_WIDTHS = (64, 128, 256, 512)
STAGE_DEPTHS = (2, 2, 2, 2)


class Normalize(nn.Module):
    """uint8 images (n, c, h, w) in 0..255 to standardised float32."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer(
            "scale", 1 / (255 * torch.tensor(std).view(1, -1, 1, 1)), persistent=False
        )

    def forward(self, images: Tensor) -> Tensor:
        """float32 (n, c, h, w) of zero mean and unit variance."""
        normal: Tensor = (images.float() - self.mean) * self.scale
        return normal


def _stage(inputs: int, outputs: int, depth: int, stride: int) -> nn.Sequential:
    shortcut = nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
    )
    same = stride == 1 and inputs == outputs
    first = BasicBlock(inputs, outputs, stride, None if same else shortcut)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs) for _ in range(depth - 1)))


def build(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    width: float = 1.0,
    depth: float = 1.0,
    classes: int = 10,
) -> nn.Module:
    """An untrained ResNet-18 whose channels and blocks are scaled by `width` and `depth`."""
    widths = [max(4, round(width * channels / 4) * 4) for channels in STAGE_WIDTHS]
    depths = [max(1, round(depth * blocks)) for blocks in STAGE_DEPTHS]
    stages = [
        _stage(inputs, outputs, blocks, 1 if index == 0 else 2)
        for index, (inputs, outputs, blocks) in enumerate(
            zip([widths[0], *widths[:-1]], widths, depths, strict=True)
        )
    ]
    model = nn.Sequential()
    model.add_module("normalize", Normalize(mean, std))
    model.add_module("stem", nn.Conv2d(3, widths[0], 3, padding=1, bias=False))
    model.add_module("stem_norm", nn.BatchNorm2d(widths[0]))
    model.add_module("stem_relu", nn.ReLU(inplace=True))
    for index, stage in enumerate(stages, start=1):
        model.add_module(f"stage{index}", stage)
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flatten", nn.Flatten())
    model.add_module("classifier", nn.Linear(widths[-1], classes))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model
