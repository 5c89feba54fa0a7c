"""NATS-Bench's and HW-NAS-Bench's official files, read without running what a pickle asks for.

Source: Dong et al. 2021, arXiv:2009.00437 (`NATS-tss-v1_0-3ffb9.pickle.pbz2`, or the folder of the
same name with `-simple`); Li et al. 2021, arXiv:2103.10584 (`HW-NAS-Bench-v1_0.pickle`). The files
go through safe_pickle.py; the `nats-bench` package gets the resulting dicts, so that means over
trials are taken by its own API. Where a dict is due it would also take a path and unpickle it: any
other type is refused first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness import DataSet, Split
from harness.data import load_column
from harness.errors import DataError
from tasks.datasets import nasbench201
from tasks.datasets.safe_pickle import unpickle

NATS = "NATS-tss-v1_0-3ffb9"
HARDWARE = "HW-NAS-Bench-v1_0.pickle"
CHUNK = 500  # cells that are in memory at once, when the folder of single files is given
NAMES = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "imagenet16_120": "ImageNet16-120"}


def read(folder: Path) -> dict[str, Split]:
    """The official files as the same columns that nasbench201.read gives.

    Raises DataError when a file is missing, damaged or asks for code, or a cell is not complete.
    """
    hardware = _hardware(folder / HARDWARE)
    columns: dict[str, np.ndarray] = {}
    written: list[str] = []
    for api, indexes in _apis(folder):
        written = list(api.meta_archs)
        for index in indexes:
            try:
                cell = _cell(api, index)
            except Exception as error:  # noqa: BLE001  (the package raises bare Exceptions)
                raise DataError(
                    f"{folder}: cell {index} is not complete ({type(error).__name__}: {error}); "
                    "download it again"
                ) from None
            for name, value in cell.items():
                columns.setdefault(name, np.full(len(written), np.nan))[index] = value
    architectures = np.array([nasbench201.from_text(one) for one in written], np.int8)
    tests = {name: columns.pop(name) for name in list(columns) if name.endswith("_test")}
    return nasbench201.checked(architectures, {**columns, **hardware}, tests, str(folder))


def _apis(folder: Path) -> Iterator[tuple[Any, list[int]]]:
    """NATS-Bench's API over parts of the cells, and the numbers of those cells."""
    try:
        from nats_bench.api_topology import NATStopology
    except ImportError:
        raise DataError("reading official files needs `pip install slimbench[search]`") from None
    whole, single = folder / f"{NATS}.pickle.pbz2", folder / f"{NATS}-simple"
    if whole.is_file():
        content = unpickle(whole)
        yield NATStopology(_plain(content, whole), verbose=False), sorted(content["arch2infos"])
        return
    if not single.is_dir():
        raise DataError(
            f"{folder} has neither {whole.name} nor {single.name}; see nats-bench's page"
        )
    meta = unpickle(single / "meta.pickle.pbz2")
    for start in range(0, len(meta["meta_archs"]), CHUNK):
        part = range(start, min(start + CHUNK, len(meta["meta_archs"])))
        infos = OrderedDict((n, unpickle(single / f"{n:06d}.pickle.pbz2")) for n in part)
        content = {**meta, "arch2infos": infos, "evaluated_indexes": list(part)}
        yield NATStopology(_plain(content, single), verbose=False), list(part)


def _plain(content: Any, origin: Path) -> dict[str, Any]:
    """The content, when it is dicts down to each training. Raises DataError otherwise."""
    kinds: dict[str, Any] = {
        "meta_archs": list,
        "arch2infos": dict,
        "evaluated_indexes": (list, set),
    }
    whole = isinstance(content, dict) and all(
        isinstance(content.get(name), kind) for name, kind in kinds.items()
    )
    whole = whole and all(
        isinstance(info, dict)
        and all(
            isinstance(state, dict)
            and isinstance(state.get("all_results"), dict)
            and all(isinstance(one, dict) for one in state["all_results"].values())
            for state in info.values()
        )
        for info in content["arch2infos"].values()
    )
    if not whole:
        raise DataError(f"{origin} is not laid out as NATS-tss-v1_0 is; download that release")
    return dict(content)


def _cell(api: Any, index: int) -> dict[str, float]:
    """All values of one cell: means over the trials of the file."""
    found = {}
    for name, official in NAMES.items():
        for epochs in ("12", "200"):
            info = api.get_more_info(index, official, hp=epochs, is_random=False)
            found[f"{name}_validation_{epochs}"] = info["valid-accuracy"] / 100
            # As NATS-Bench's simulate_train_eval charges: the training, and one validation.
            found[f"{name}_seconds_{epochs}"] = info["train-all-time"] + info["valid-per-time"]
        tested = "cifar10" if name == "cifar10" else official
        info = api.get_more_info(index, tested, hp="200", is_random=False)
        found[f"{name}_test"] = info["test-accuracy"] / 100
        cost = api.get_cost_info(index, official, hp="200")
        found[f"{name}_macs"], found[f"{name}_params"] = cost["flops"] * 1e6, cost["params"] * 1e6
    return found


def _hardware(path: Path) -> dict[str, np.ndarray]:
    """`DATASET_DEVICE` columns; what the device cannot run (no positive value) is NaN."""
    if not path.is_file():
        raise DataError(f"{path} is missing; it is part of github.com/GATECH-EIC/HW-NAS-Bench")
    content = unpickle(path)
    found = {}
    try:
        for name in NAMES:
            official = "ImageNet16-120" if name == "imagenet16_120" else name
            table: Mapping[str, Any] = content["nasbench201"][official]
            for device in nasbench201.DEVICES:
                values = np.asarray(table[device], np.float64)
                found[f"{name}_{device}"] = np.where(values > 0, values, np.nan)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} has no {error} where v1.0 has it; download v1.0") from None
    return found


def generate(seed: int) -> dict[str, Split]:
    """Another made-up table than nasbench201's."""
    return nasbench201.generate(seed + 1)


def differing(folder: Path) -> str:
    """How many cells differ from the published tables, when those are in the same cache."""
    other = folder.parent / nasbench201.DATASET.name
    if not (other / "checksums.json").is_file():
        return f"prepare {other.name} as well to see in how many cells the two differ"
    mine, theirs = (load_column(one, "test", "targets") for one in (folder, other))
    place = {tuple(one): row for row, one in enumerate(theirs.tolist())}
    order = [place[tuple(one)] for one in mine.tolist()]
    parts = []
    for name in nasbench201.DATASETS:
        for split, column in (("validation", f"{name}_validation_200"), ("test", f"{name}_test")):
            ours = load_column(folder, split, f"input_{column}")
            published = load_column(other, split, f"input_{column}")[order]
            parts.append(f"{column} {int((np.abs(ours - published) > 5e-5).sum()):,}")
    return f"cells that differ from {other.name} by more than 0.005 points: {', '.join(parts)}"


DATASET = DataSet(
    name="nasbench201_nats",
    origin="NATS-tss-v1_0-3ffb9 and HW-NAS-Bench-v1_0, official files",
    licence="MIT (NATS-Bench's code; its file states none) and MIT (HW-NAS-Bench)",
    read=read,
    generate=generate,
    remark=differing,
)
