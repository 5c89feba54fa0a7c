"""Fit a digit recogniser into a microcontroller; the card is README.md beside this file."""

from pathlib import Path
from typing import Any

from harness import Budget, Input, Limit, Metric, Recipe, Task
from tasks.datasets import mnist
from tasks.datasets.changes import image_changes
from tasks.mnist_mlp_microcontroller.space import EPOCH, SEARCH
from tasks.scoring import by_class, correct, labels


def build(**shape: Any) -> Any:
    """An untrained multi-layer perceptron; `width` and `depth` scale it."""
    from tasks.models import mlp

    return mlp.build(28 * 28, **shape)


TASK = Task(
    name="mnist_mlp_microcontroller",
    version=1,
    title="MNIST on a microcontroller",
    modality="vector",
    dataset=mnist.DATASET,
    inputs=(Input("image", "uint8", (28, 28)),),
    classes=10,
    metric=Metric("top-1 accuracy", chance=0.1),
    limits=(
        Limit("quality", "at_least", 0.98),
        Limit("size_bytes", "at_most", 1e6),
        Limit("peak_memory_bytes", "at_most", 16e3),
    ),
    budgets={
        "smoke": Budget(train_macs=3 * 1.26e5 * 2048 * 8, wall_seconds=120),
        "standard": Budget(train_macs=5 * EPOCH, wall_seconds=1800),
        "full": Budget(train_macs=100 * EPOCH, wall_seconds=6 * 3600),
    },
    recipe=Recipe(
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.05,
        batch_size=256,
        warmup=0.1,
        label_smoothing=0.05,
    ),
    build=build,
    smoke_shape={"width": 0.125},
    threads=1,
    reference_epochs=15,
    reference_train_macs=15 * EPOCH,
    predict=labels,
    example_scores=correct,
    slices=by_class([str(digit) for digit in range(10)]),
    changes=image_changes("image"),
    search=SEARCH,
    folder=Path(__file__).parent,
)
