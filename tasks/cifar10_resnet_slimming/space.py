"""What a search may find here: width, depth and kind of block of each of four stages."""

from typing import Any

from harness import Architecture, Compression, TrainedSpace
from tasks.datasets import cifar10
from tasks.models.spaces import space, values

REFERENCE_MACS = 555.4e6  # one image, ResNet-18 with the CIFAR stem, by FlopCounterMode
EPOCH = 3 * REFERENCE_MACS * 45_000  # training compute of one epoch of the reference
STAGES = (1, 2, 3, 4)
WIDTHS, DEPTHS = (0.125, 0.25, 0.5, 0.75), (1, 2, 3)
BLOCKS = ("basic", "inverted 3x3 x2", "inverted 3x3 x4", "inverted 5x5 x4", "inverted 3x3 x4 SE")
DECISIONS = {
    f"{word}{stage}": chosen
    for stage in STAGES
    for word, chosen in (("width", WIDTHS), ("depth", DEPTHS), ("block", BLOCKS))
}


def network(problem: Compression, architecture: Architecture) -> Any:
    """One network of the space, untrained; widths are shares of the reference's."""
    from tasks.models import resnet, staged

    said = values(DECISIONS)(architecture)
    reference: Any = problem.reference()
    whole = reference.stem.out_channels / resnet.STAGE_WIDTHS[0]  # 1.0 but at smoke scale
    stages = [
        staged.Stage(whole * said[f"width{n}"], said[f"depth{n}"], said[f"block{n}"])
        for n in STAGES
    ]
    return staged.build(cifar10.MEAN, cifar10.STD, stages)


SEARCH = TrainedSpace(
    space=space("four stages of basic or inverted blocks", DECISIONS),
    network=network,
    fidelities=(0.25, 1),
    search_macs={"smoke": 3 * 8.9e6 * 1024 * 3, "standard": 2 * EPOCH, "full": 100 * EPOCH},
    limits=(0.1, 0.25, 0.5),
    most_epochs=22,
)
