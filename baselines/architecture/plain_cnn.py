"""A plain convolutional network without shortcuts: what convolution alone buys.

Source: the all-convolutional style of Springenberg et al. 2014, arXiv:1412.6806, with batch
normalisation; three stages of two 3x3 layers.
"""

from collections import OrderedDict

from torch import Tensor, nn

from harness import Compression, Method


class Scale(nn.Module):
    """uint8 images to float32 in about [-2, 2]."""

    def forward(self, images: Tensor) -> Tensor:
        """The same shape, float32."""
        return images.float() / 64 - 2


def plain_cnn(channels: int, classes: int) -> nn.Module:
    """Two 3x3 layers a stage, channels doubled and pixels quartered three times."""
    layers: list[nn.Module] = [Scale()]
    inputs = 3
    for stage in range(3):
        outputs = channels * 2**stage
        for stride in (1, 2):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            inputs = outputs
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    parts = {"features": nn.Sequential(*layers), "classifier": nn.Linear(inputs, classes)}
    return nn.Sequential(OrderedDict(parts))


def solve(problem: Compression, channels: int) -> nn.Module:
    """A trained network with `channels` in its first stage."""
    return problem.train(plain_cnn(channels, problem.classes))


METHOD = Method(
    name="plain_cnn",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"channels": 16}, {"channels": 32}, {"channels": 64}),
    source="arXiv:1412.6806",
    modalities=("image",),
    small_baseline=True,
)
