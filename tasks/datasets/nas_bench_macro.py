"""NAS-Bench-Macro: 6,561 stacks of eight MobileNetV2 blocks, each trained three times on CIFAR-10.

Source: Su et al. 2021, arXiv:2103.11922 (Apache-2.0). The benchmark has no validation split: its
figures are the best epoch's test accuracy. Here the mean of trainings 0 and 1 is what may be
queried and training 2 is what an answer is worth, so that noise, at least, is not chosen.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import product
from pathlib import Path

import numpy as np

from harness import Architecture, DataSet, Space, Split
from harness.errors import DataError
from tasks.datasets.columns import parquet_columns

BLOCKS = ("identity", "mb3_k3", "mb6_k5")  # MobileNetV2 blocks: expansion and kernel
STAGES = ((0, 1), (2, 3, 4), (5, 6, 7))  # blocks; the first of each halves the resolution
DEPTH = 8
NETWORKS = len(BLOCKS) ** DEPTH
EPOCHS = 50
FILE = "nas_bench_macro_cifar10.parquet"


def text(architecture: Architecture) -> str:
    """One digit a block, as the benchmark writes it."""
    return "".join(map(str, architecture))


def canonical(architecture: Architecture) -> Hashable:
    """Equal for networks that compute the same: identities behind a stage's first block vanish."""
    return tuple(
        (architecture[first], tuple(architecture[one] for one in rest if architecture[one]))
        for first, *rest in STAGES
    )


def features(architectures: np.ndarray) -> np.ndarray:
    """How many blocks of each kind each stage has, int (n, 8) to float64 (n, 6)."""
    columns = [(architectures[:, stage] == kind).sum(axis=1) for stage in STAGES for kind in (1, 2)]
    return np.stack(columns, axis=1).astype(np.float64)


SPACE = Space(
    name="NAS-Bench-Macro",
    choices=(BLOCKS,) * DEPTH,
    canonical=canonical,
    text=text,
    features=features,
)


def read(folder: Path) -> dict[str, Split]:
    """The published table as columns. Raises DataError when it is missing, damaged or not whole."""
    table = parquet_columns(folder / FILE, "arch")
    written = [str(one) for one in table["arch"]]
    if written != [text(one) for one in product(range(3), repeat=DEPTH)]:
        raise DataError(f"{folder / FILE} has not each of the {NETWORKS:,} networks exactly once")
    accuracies = np.stack([table[f"test_acc_{n}"] for n in range(3)]).astype(np.float64) / 100
    if not (np.isfinite(accuracies).all() and accuracies.min() > 0 and accuracies.max() < 1):
        raise DataError(f"{folder / FILE} has accuracies outside 0 to 100%; copy it again")
    return _splits(accuracies, table["flops"], table["params"])


def _splits(accuracies: np.ndarray, macs: np.ndarray, params: np.ndarray) -> dict[str, Split]:
    """`accuracies` is (trainings, networks), a fraction; MACs as the source counts `flops`."""
    architectures = np.array(list(product(range(3), repeat=DEPTH)), np.int8)
    columns = {
        f"cifar10_validation_{EPOCHS}": accuracies[:2].mean(axis=0),
        f"cifar10_seconds_{EPOCHS}": np.zeros(NETWORKS),
        "cifar10_macs": macs.astype(np.float64),
        "cifar10_params": params.astype(np.float64),
    }
    return {
        "validation": Split(columns, architectures),
        "test": Split({"cifar10_test": accuracies[2]}, architectures),
    }


def generate(seed: int) -> dict[str, Split]:
    """A made-up table of the same schema: deeper and wider is better, with noise."""
    random = np.random.default_rng(seed)
    architectures = np.array(list(product(range(3), repeat=DEPTH)))
    work = np.array([0.0, 1.0, 2.5])[architectures].sum(axis=1)
    accuracies = 0.95 - 0.3 * np.exp(-work / 6) + random.normal(0, 0.003, (3, NETWORKS))
    return _splits(accuracies, 1e6 * (8 + work), 1e5 * (1 + work))


DATASET = DataSet(
    name="nas_bench_macro",
    origin="NAS-Bench-Macro, nas-bench-macro_cifar10.json as Parquet",
    licence="Apache-2.0",
    read=read,
    generate=generate,
)
