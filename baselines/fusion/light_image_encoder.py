"""Light image encoders in late fusion: MobileNetV3 small and large, a small network at less detail.

Source: Howard et al. 2019, arXiv:1905.02244, tables 1 and 2, by torchvision, untrained, with one
grey channel; the small network sees a quarter of the pixels.
"""

from typing import Any

import torch
from torch import nn

import harness.torchvision_ops  # noqa: F401  (must come before torchvision)
from harness import Compression, Method

from torchvision.models import mobilenet_v3_large, mobilenet_v3_small  # isort: skip

EPOCHS = 6
NETWORKS = {"mobilenet_v3_small": mobilenet_v3_small, "mobilenet_v3_large": mobilenet_v3_large}


def encoder_of(name: str, features: int, resolution: int) -> nn.Sequential:
    """(n, 1, 256, 256) to (n, features) through a network at `resolution` pixels a side."""
    if name == "small_cnn":
        body = _small_cnn()
        size = 64
    else:
        network = NETWORKS[name](weights=None)
        stem = network.features[0][0]
        grey = nn.Conv2d(1, stem.out_channels, 3, 2, 1, bias=False)
        grey.weight.data = stem.weight.data.sum(1, keepdim=True)
        network.features[0][0] = grey
        body, size = network.features, network.classifier[0].in_features
    shrink = nn.AvgPool2d(256 // resolution) if resolution < 256 else nn.Identity()
    pool = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
    return nn.Sequential(shrink, body, pool, nn.Linear(size, features))


def _small_cnn() -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 8), (8, 16), (16, 32), (32, 64)):
        layers += [
            nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def solve(problem: Compression, encoder: str, resolution: int) -> nn.Module:
    """A trained gated late fusion of half width with another image encoder."""
    model: Any = problem.build(width=0.5, fusion="gated")
    model.image.encoder = encoder_of(encoder, model.features, resolution)
    with torch.no_grad():
        problem.macs(model)  # an encoder that does not fit the images fails before training
    return problem.train(model, epochs=EPOCHS)


METHOD = Method(
    name="light_image_encoder",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"encoder": "small_cnn", "resolution": 128},
        {"encoder": "mobilenet_v3_small", "resolution": 128},
        {"encoder": "mobilenet_v3_small", "resolution": 256},
        {"encoder": "mobilenet_v3_large", "resolution": 128},
    ),
    source="arXiv:1905.02244",
    modalities=("fusion",),
)
