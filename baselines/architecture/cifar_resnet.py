"""ResNet-20/32/44/56: the thin residual networks made for CIFAR, trained from scratch.

Source: He et al. 2015, arXiv:1512.03385, section 4.2. Departs from it: 1x1 convolution shortcuts
where the shape changes (option B), the task's own recipe.
"""

from torch import Tensor, nn

import harness.torchvision_ops  # noqa: F401  (must come before torchvision)
from harness import Compression, Method

from torchvision.models.resnet import BasicBlock  # isort: skip


class CifarResNet(nn.Module):
    """Three stages of (depth - 2) / 6 blocks at 16, 32 and 64 channels."""

    def __init__(self, depth: int, classes: int) -> None:
        super().__init__()
        blocks = (depth - 2) // 6
        layers: list[nn.Module] = [
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        ]
        channels = 16
        for width in (16, 32, 64):
            for index in range(blocks):
                stride = 2 if width > channels and index == 0 else 1
                shortcut = None
                if width != channels:
                    convolution = nn.Conv2d(channels, width, 1, stride, bias=False)
                    shortcut = nn.Sequential(convolution, nn.BatchNorm2d(width))
                layers.append(BasicBlock(channels, width, stride, shortcut))
                channels = width
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (n, 3, h, w) to logits (n, classes)."""
        logits: Tensor = self.classifier(self.features(images.float() / 64 - 2))
        return logits


def solve(problem: Compression, depth: int) -> nn.Module:
    """A trained ResNet of `depth` layers."""
    return problem.train(CifarResNet(depth, problem.classes))


METHOD = Method(
    name="cifar_resnet",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"depth": 20},
        {"depth": 32},
        {"depth": 44},
        {"depth": 56},
        {"depth": 20, "budget": "reference"},
    ),
    source="arXiv:1512.03385",
    modalities=("image",),
    small_baseline=True,
)
