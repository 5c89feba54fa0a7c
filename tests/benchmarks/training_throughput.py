"""Training throughput of the harness beside a bare loop of the same model, batch and precision.

    python tests/benchmarks/training_throughput.py --rounds 5 --steps 4

Both train the CIFAR-10 reference's ResNet-18 at batch 256 in bf16 where the CPU has it, in turns;
printed is harness / bare in images a second, target at least 0.95.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from torch.nn import functional

from harness import registry
from harness.run.batches import Batches
from harness.run.process import MALLOC
from harness.run.training import Optimizers, autocast, fit
from harness.types import Split

BATCH = 256


def bare(model: torch.nn.Module, batches: Batches, task, steps: int) -> None:
    """The shortest loop that trains the same network on the same batches."""
    model.train()
    optimizers = Optimizers(model, task.recipe, 1.0)
    for step in range(steps):
        inputs, targets = batches[step]
        inputs = task.recipe.augment(inputs, batches.generator(step))
        with autocast(torch.device("cpu")):
            loss = functional.cross_entropy(model(*inputs), targets, label_smoothing=0.1)
        loss.backward()
        optimizers.step(1.0)


def main() -> None:
    """Print the ratio of images a second and its spread over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    task = registry.find_task("cifar10_resnet_slimming")
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (BATCH * 8, 3, 32, 32), np.uint8)
    split = Split({"image": images}, random.integers(0, 10, BATCH * 8))
    batches = Batches(split, task.recipe, torch.device("cpu"), 0)
    model = task.build().to(memory_format=torch.channels_last)
    loops = {
        "harness": lambda: fit(model, batches, task.recipe, options.steps),
        "bare": lambda: bare(model, batches, task, options.steps),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(options.rounds + 1):
        for name in sorted(loops, reverse=bool(turn % 2)):
            begin = time.perf_counter()
            loops[name]()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    rates = {name: BATCH * options.steps / statistics.median(s) for name, s in seconds.items()}
    ratios = [b / h for h, b in zip(seconds["harness"], seconds["bare"], strict=True)]
    print(
        f"harness {rates['harness']:.0f} images/s, bare {rates['bare']:.0f} images/s, "
        f"ratio {statistics.median(ratios):.3f} (rounds {min(ratios):.3f} to {max(ratios):.3f}); "
        f"run with {' '.join(f'{k}={v}' for k, v in MALLOC.items())} to train as the harness does"
    )


if __name__ == "__main__":
    main()
