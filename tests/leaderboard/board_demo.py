"""A made-up board that looks like a real one: `python tests/leaderboard/board_demo.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from board_records import (
    counts,
    failed,
    measured,
    method_block,
    profile_block,
    run,
    task_block,
    write,
    write_scores,
)

from harness.record import LimitBlock, ReferenceBlock, RunRecord, TaskBlock
from harness.record_row import MethodBlock

CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
EXAMPLES = 10_000
LIMITS = [
    LimitBlock(quantity="quality", kind="at_least", bound=0.93),
    LimitBlock(quantity="params", kind="at_most", bound=5e6),
    LimitBlock(quantity="retention", kind="at_least", bound=0.99),
]
# (method, family, small baseline, seeds, [(setting, quality, MACs share, speed-up)])
ENTRIES = (
    ("reference", "reference", False, 1, [({}, 0.9472, 1.0, 1.0)]),
    (
        "network_slimming",
        "pruning",
        False,
        3,
        [
            ({"ratio": 0.3}, 0.9468, 0.52, 1.7),
            ({"ratio": 0.5}, 0.944, 0.3, 2.9),
            ({"ratio": 0.8}, 0.921, 0.09, 6.8),
        ],
    ),
    (
        "depgraph_group_norm",
        "pruning",
        False,
        3,
        [
            ({"speedup": 2}, 0.9476, 0.5, 1.8),
            ({"speedup": 4}, 0.9431, 0.25, 3.5),
            ({"speedup": 12}, 0.928, 0.083, 8.1),
        ],
    ),
    (
        "random_pruning",
        "pruning",
        True,
        3,
        [
            ({"ratio": 0.3}, 0.938, 0.5, 1.7),
            ({"ratio": 0.5}, 0.925, 0.28, 3.0),
            ({"ratio": 0.8}, 0.71, 0.07, 7.0),
        ],
    ),
    (
        "int8_static",
        "quantization",
        False,
        3,
        [({"calibration": 512}, 0.9464, 1.0, 2.6), ({"calibration": 64}, 0.9442, 1.0, 2.6)],
    ),
    (
        "distilled_student",
        "distillation",
        False,
        3,
        [
            ({"width": 0.5}, 0.946, 0.26, 3.2),
            ({"width": 0.25}, 0.932, 0.07, 8.9),
            ({"width": 0.125}, 0.899, 0.02, 17.0),
        ],
    ),
    (
        "prune_distil_int8",
        "pipeline",
        False,
        3,
        [
            ({"ratio": 0.5}, 0.9435, 0.26, 7.2),
            ({"ratio": 0.7}, 0.938, 0.12, 11.5),
            ({"ratio": 0.9}, 0.917, 0.03, 24.0),
        ],
    ),
    ("resnet20", "architecture", True, 3, [({}, 0.912, 0.073, 5.9)]),
    ("resnet44", "architecture", True, 3, [({}, 0.931, 0.175, 2.8)]),
    ("vit_lite", "architecture", True, 1, [({}, 0.862, 0.37, 1.4)]),
)


def task(
    name: str = "cifar10_resnet_slimming", title: str = "CIFAR-10 ResNet slimming"
) -> TaskBlock:
    reference = ReferenceBlock(
        sha256="r" * 64,
        quality_validation=0.949,
        quality_test=0.9472,
        macs=555_400_000,
        params=11_170_000,
        size_bytes=44_700_000,
    )
    return task_block(name, title=title, limits=LIMITS, test_examples=EXAMPLES, reference=reference)


def write_demo(folder: Path) -> Path:
    """Ten methods on one task with predictions, two profiles, a failed and a withdrawn row."""
    generator = np.random.default_rng(11)
    hard = generator.random(EXAMPLES)  # one difficulty an example, so that errors overlap
    of = task()
    for name, family, small, seeds, settings in ENTRIES:
        block = method_block(name, family=family, small_baseline=small)
        for place, (setting, quality, share, speed) in enumerate(settings):
            for seed in range(seeds):
                one, scores = _run(of, block, setting, quality, share, seed, generator, hard)
                write(folder, one, measured(one, speed * generator.normal(1, 0.01)))
                write_scores(folder, one, scores)
                if place < 2 and seed == 0:
                    phone = profile_block("pi_5", price_per_hour_usd=None)
                    write(folder, one, measured(one, speed**0.8, profile=phone))
    write(folder, failed("relevance_pruning", "asked for 14.2 GB, the limit is 12 GB", task=of))
    withdrawn, _ = _run(
        of, method_block("too_good"), {"ratio": 0.9}, 0.953, 0.1, 0, generator, hard
    )
    write(folder, withdrawn.model_copy(update={"verification": "withdrawn"}))
    return folder


def _run(
    of: TaskBlock,
    block: MethodBlock,
    setting: dict[str, float],
    quality: float,
    share: float,
    seed: int,
    generator: np.random.Generator,
    hard: np.ndarray,
) -> tuple[RunRecord, np.ndarray]:
    noisy = hard + generator.normal(0, 0.03, EXAMPLES)
    scores = noisy <= np.quantile(noisy, quality + generator.normal(0, 0.0012))
    exact = float(scores.mean())
    params = int(11.17e6 * share)
    one = run(
        quality=exact,
        task=of,
        method_block=block,
        setting=setting,
        seed=seed,
        quality_validation=exact + float(generator.normal(0.001, 0.001)),
        slices_test={
            name: float(np.clip(exact + (1 - exact) * generator.normal(0.2 - i % 4 / 5, 0.3), 0, 1))
            for i, name in enumerate(CLASSES)
        },
        counts=counts(int(555.4e6 * share), params, params if "int8" in block.name else 4 * params),
    )
    return one, scores


if __name__ == "__main__":
    write_demo(Path(sys.argv[1]))
