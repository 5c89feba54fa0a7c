"""MobileNetV2 with the CIFAR stem, at any width and depth; raw uint8 images in, logits out.

Source: Sandler et al. 2018, arXiv:1801.04381, table 2; blocks are torchvision's. Departs from it
for 32x32 images: stride 1 in the stem and in the first stride-2 stage.
"""

from torch import nn

import harness.torchvision_ops  # noqa: F401  (must come before torchvision)
from tasks.models.resnet import Normalize

from torchvision.models.mobilenetv2 import MobileNetV2  # isort: skip

# expansion, channels, blocks, stride
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def build(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    width: float = 1.0,
    depth: float = 1.0,
    classes: int = 10,
) -> nn.Module:
    """An untrained MobileNetV2 whose channels and blocks are scaled by `width` and `depth`."""
    stages = [[t, c, max(1, round(depth * n)), s] for t, c, n, s in STAGES]
    network = MobileNetV2(
        num_classes=classes, width_mult=width, inverted_residual_setting=stages, dropout=0.0
    )
    network.features[0][0].stride = (1, 1)
    model = nn.Sequential()
    model.add_module("normalize", Normalize(mean, std))
    model.add_module("features", network.features)
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flatten", nn.Flatten())
    model.add_module("classifier", network.classifier[1])
    return model
