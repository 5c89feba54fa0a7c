"""Training throughput of the harness beside a bare loop of the same model, batch and precision.

    python tests/benchmarks/training_throughput.py --rounds 5 --steps 4

Both train the CIFAR-10 reference's ResNet-18 at the recipe's batch size, in bf16 where the CPU is
fast at it, in turns. The harness does all that its recipe asks for (augmentation, Muon, metering);
the bare loop takes slices of one tensor, once with plain SGD and once with the recipe's optimizer,
which parts what the recipe costs from what the harness costs. Printed is harness / bare in images
a second for both, target at least 0.95.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness import registry
from harness.run.batches import LEAST_STEPS, Batches
from harness.run.precision import autocast
from harness.run.process import MALLOC
from harness.run.training import Optimizers, fit
from harness.types import Split


def bare(
    model: torch.nn.Module, images: Tensor, labels: Tensor, steps: int, update: Callable[[], None]
) -> None:
    """The shortest loop that trains the same network; `update` steps and clears gradients."""
    model.train()
    size = len(images) // steps
    for step in range(steps):
        batch = slice(step * size, (step + 1) * size)
        with autocast(torch.device("cpu")):
            loss = functional.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        update()


def plain(model: torch.nn.Module) -> Callable[[], None]:
    """A step of SGD with momentum."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

    def update() -> None:
        optimizer.step()
        optimizer.zero_grad()

    return update


def main() -> None:
    """Print the ratio of images a second and its spread over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    task = registry.find_task("cifar10_resnet_slimming")
    size = task.recipe.batch_size
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (size * max(options.steps, LEAST_STEPS), 3, 32, 32), np.uint8)
    labels = random.integers(0, 10, len(images))
    batches = Batches(Split({"image": images}, labels), task.recipe, torch.device("cpu"), 0)
    assert batches.size == size
    model = task.build().to(memory_format=torch.channels_last)
    count = size * options.steps
    tensors = torch.from_numpy(images[:count]), torch.from_numpy(labels[:count])
    own = Optimizers(model, task.recipe, 1.0)
    loops = {
        "harness": lambda: fit(model, batches, task.recipe, options.steps),
        "bare": lambda: bare(model, *tensors, options.steps, plain(model)),
        "bare, recipe's optimizer": lambda: bare(
            model, *tensors, options.steps, lambda: own.step(0.1)
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(options.rounds + 1):
        for name in sorted(loops, reverse=bool(turn % 2)):
            begin = time.perf_counter()
            loops[name]()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    for name, spent in seconds.items():
        ratios = [b / h for h, b in zip(seconds["harness"], spent, strict=True)]
        print(
            f"{name}: {count / statistics.median(spent):.0f} images/s at batch {size}; harness / "
            f"this {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    settings = " ".join(f"{k}={v}" for k, v in MALLOC.items())
    print(f"run with {settings} to train as the harness does")


if __name__ == "__main__":
    main()
