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
from tasks.models.resnet import Normalize

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


class MixedCell(nn.Module):
    """A cell with every operation on every edge; an edge's output is their weighted sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleList(LAYERS.get(name, _nothing)(channels) for name in OPERATIONS)
            for _ in EDGES
        )

    def forward(self, image: Tensor, mix: Tensor, active: list[list[int]]) -> Tensor:
        """Node 3 of float (n, channels, h, w); `mix` as in Supernet, `active` choices by edge."""
        nodes = [image]
        for target in range(1, 4):
            terms = [
                mix[edge, choice] * self.edges[edge][choice](nodes[source])  # type: ignore[index]
                for edge, (source, end) in enumerate(EDGES)
                for choice in active[edge]
                if end == target
            ]
            nodes.append(torch.stack(terms).sum(0) if terms else torch.zeros_like(image))
        return nodes[3]


def _nothing(channels: int) -> nn.Module:
    return nn.Identity()


class Supernet(nn.Module):
    """All networks of the space in one: `net(mix, images)`.

    `mix` float (6, 5) weights each operation's output on its edge, `none` adding nothing; only
    operations `active` bool (6, 5) are computed, by default those whose weight is not 0. As in the
    source's searches (xautodl/models/cell_searchs) normalisation inside cells has no weights of its
    own. Departs from it: all normalisation goes by the batch, also where a path is scored.
    """

    def __init__(self, build: Callable[[Callable[[int], nn.Module]], nn.Sequential]) -> None:
        super().__init__()
        self.network = build(MixedCell)
        for place, module in self.network.named_modules():
            inside = ".edges." in place
            for name, child in list(module.named_children()):
                if isinstance(child, nn.BatchNorm2d):
                    size = child.num_features
                    norm = nn.BatchNorm2d(size, affine=not inside, track_running_stats=False)
                    setattr(module, name, norm)

    def forward(self, mix: Tensor, images: Tensor, active: Tensor | None = None) -> Tensor:
        """Logits (n, classes) of uint8 images (n, 3, h, w)."""
        chosen = (mix != 0) if active is None else active
        none = OPERATIONS.index("none")
        by_edge = [[c for c in row.nonzero().flatten().tolist() if c != none] for row in chosen]
        values: Tensor = images
        for part in (self.network.normalize, *self.network.features):  # type: ignore[misc]
            mixed = isinstance(part, MixedCell)
            values = part(values, mix, by_edge) if mixed else part(values)
        for part in (self.network.pool, self.network.flatten, self.network.classifier):
            values = part(values)  # type: ignore[operator]
        return values


def deployable(
    make: Callable[[int], nn.Module],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    width: int,
    cells: int,
) -> nn.Sequential:
    """As build, of cells that `make(channels)` gives, for uint8 images."""
    network = nn.Sequential()
    network.add_module("normalize", Normalize(mean, std))
    for name, part in _assembled(make, width, cells, 10).named_children():
        network.add_module(name, part)
    return network


def build(
    architecture: Architecture, width: int = WIDTH, cells: int = CELLS, classes: int = 10
) -> nn.Sequential:
    """The untrained network of a cell; float32 images (n, 3, h, w) in, logits (n, classes) out.

    `cells` cells a stage, the first stage with `width` channels. `features` ends before the
    global mean.
    """
    return _assembled(lambda channels: Cell(architecture, channels), width, cells, classes)


def _assembled(
    make: Callable[[int], nn.Module], width: int, cells: int, classes: int
) -> nn.Sequential:
    widths = [width * 2**stage for stage in range(STAGES)]
    features = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
    for stage, channels in enumerate(widths):
        if stage:
            features.append(Reduction(widths[stage - 1], channels))
        for _ in range(cells):
            features.append(make(channels))
    features.extend([nn.BatchNorm2d(widths[-1]), nn.ReLU()])
    network = nn.Sequential()
    network.add_module("features", features)
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    network.add_module("classifier", nn.Linear(widths[-1], classes))
    return network
