"""Make a CIFAR-10 ResNet-18 smaller and faster; the card is README.md beside this file."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness import Budget, Input, Limit, Metric, Recipe, Task
from tasks.cifar10_resnet_slimming.space import EPOCH, SEARCH
from tasks.datasets import cifar10
from tasks.datasets.augment import flip_and_shift, flip_shift_and_cut
from tasks.datasets.changes import image_changes
from tasks.scoring import by_class, correct, labels

RECIPE = Recipe(
    optimizer="muon",
    learning_rate=0.05,
    vector_learning_rate=0.1,
    weight_decay=0.1,
    batch_size=256,
    label_smoothing=0.1,
    augment=partial(flip_and_shift, pixels=2),
)

LONG_RECIPE = replace(RECIPE, batch_size=512, augment=flip_shift_and_cut)


def build(**shape: Any) -> Any:
    """An untrained ResNet; `width` and `depth` scale it, 1.0 each is ResNet-18."""
    from tasks.models import resnet

    return resnet.build(cifar10.MEAN, cifar10.STD, **shape)


TASK = Task(
    name="cifar10_resnet_slimming",
    version=1,
    title="CIFAR-10 ResNet slimming",
    modality="image",
    dataset=cifar10.DATASET,
    inputs=(Input("image", "uint8", (3, 32, 32)),),
    classes=10,
    metric=Metric("top-1 accuracy", chance=0.1),
    limits=(
        Limit("quality", "at_least", 0.93),
        Limit("params", "at_most", 5e6),
        Limit("retention", "at_least", 0.99),
    ),
    budgets={
        "smoke": Budget(train_macs=3 * 8.9e6 * 1024 * 2, most_epochs=2, wall_seconds=120),
        "standard": Budget(train_macs=2 * EPOCH, wall_seconds=3 * 3600),
        "full": Budget(train_macs=100 * EPOCH, wall_seconds=24 * 3600),
    },
    recipe=RECIPE,
    build=build,
    smoke_shape={"width": 0.125},
    reference_epochs=22,
    reference_recipe=LONG_RECIPE,
    reference_train_macs=22 * EPOCH,
    predict=labels,
    example_scores=correct,
    slices=by_class(cifar10.CLASSES),
    changes=image_changes("image"),
    search=SEARCH,
    folder=Path(__file__).parent,
)
