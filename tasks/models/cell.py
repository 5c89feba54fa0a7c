"""The network of a NAS-Bench-201 cell: stem, three stages of cells, two residual reductions.

Source: Dong and Yang 2020, arXiv:2001.00326, section 2.1 and figure 1; layers as in the authors'
code (xautodl/models/cell_infers/tiny_network.py): every convolution is ReLU-Conv-BN, pooling leaves
padding out of its mean, a reduction halves the image and doubles the channels. Weights keep torch's
default initialisation, as there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness import Architecture
from tasks.datasets.nasbench201 import EDGES, OPERATIONS

WIDTH = 16  # channels of the first stage
CELLS = 5  # cells of each stage
STAGES = 3


def relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, a convolution without bias and batch normalisation."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "skip_connect": lambda channels: nn.Identity(),
    "nor_conv_1x1": lambda channels: relu_conv_norm(channels, channels, 1),
    "nor_conv_3x3": lambda channels: relu_conv_norm(channels, channels, 3),
    "avg_pool_3x3": lambda channels: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
}


class Cell(nn.Module):
    """Four nodes; each is the sum of its edges' outputs, a `none` edge has no module."""

    def __init__(self, architecture: Architecture, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                f"{source}_{target}": LAYERS[OPERATIONS[choice]](channels)
                for (source, target), choice in zip(EDGES, architecture, strict=True)
                if OPERATIONS[choice] != "none"
            }
        )

    def forward(self, image: Tensor) -> Tensor:
        """Node 3 of float (n, channels, h, w), in the same shape."""
        nodes = [image]
        for target in range(1, 4):
            terms = [
                self.edges[f"{source}_{target}"](nodes[source])
                for source in range(target)
                if f"{source}_{target}" in self.edges
            ]
            nodes.append(torch.stack(terms).sum(0) if len(terms) > 2 else _sum(terms, image))
        return nodes[3]


def _sum(terms: list[Tensor], like: Tensor) -> Tensor:
    if not terms:
        return torch.zeros_like(like)
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]


class Reduction(nn.Module):
    """A residual block of stride 2: the image is halved, the channels are doubled."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = relu_conv_norm(inputs, outputs, 3, 2)
        self.second = relu_conv_norm(outputs, outputs, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, image: Tensor) -> Tensor:
        """Float (n, inputs, h, w) to (n, outputs, h / 2, w / 2)."""
        halved: Tensor = self.shortcut(image) + self.second(self.first(image))
        return halved


def build(
    architecture: Architecture, width: int = WIDTH, cells: int = CELLS, classes: int = 10
) -> nn.Sequential:
    """The untrained network of a cell; float32 images (n, 3, h, w) in, logits (n, classes) out.

    `cells` cells a stage, the first stage with `width` channels. `features` ends before the
    global mean.
    """
    widths = [width * 2**stage for stage in range(STAGES)]
    features = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
    for stage, channels in enumerate(widths):
        if stage:
            features.append(Reduction(widths[stage - 1], channels))
        for _ in range(cells):
            features.append(Cell(architecture, channels))
    features.extend([nn.BatchNorm2d(widths[-1]), nn.ReLU()])
    network = nn.Sequential()
    network.add_module("features", features)
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    network.add_module("classifier", nn.Linear(widths[-1], classes))
    return network
