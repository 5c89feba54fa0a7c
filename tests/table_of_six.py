"""A table of six architectures, small enough to work out every answer by hand."""

from pathlib import Path

import numpy as np

from harness import Budget, Case, DataSet, Metric, Space, Split, TableTask
from harness import data as cache
from harness.run.table import Table, load_table

ARCHITECTURES = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]], np.int8)
SPACE = Space(
    name="six",
    choices=(("a", "b", "c"), ("x", "y")),
    canonical=lambda architecture: architecture,
    text=str,
    features=lambda architectures: architectures.astype(float),
)
VALIDATION = {
    "d_validation_1": np.array([0.5, 0.4, 0.3, 0.2, 0.1, 0.0]),
    "d_validation_4": np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
    "d_seconds_1": np.full(6, 10.0),
    "d_seconds_4": np.full(6, 40.0),
    "d_phone": np.array([1.0, 2.0, 3.0, 4.0, 4.0, np.nan]),
    "d_macs": np.arange(6) * 1e6,
    "d_params": np.arange(6) * 1e3,
}
TEST = {"d_test": np.array([0.30, 0.45, 0.50, 0.55, 0.75, 0.70])}


def case(queries: int | None = 3, seconds: float | None = None, device: str | None = None) -> Case:
    """A case of the table; its fidelities are 1 and 4 epochs."""
    return Case(
        name="d",
        title="Six",
        dataset="d",
        fidelities=(1, 4),
        full_epochs=4,
        budget=Budget(queries=queries, simulated_seconds=seconds, wall_seconds=20),
        seeds=3,
        device=device,
    )


def task(*cases: Case) -> TableTask:
    """The table as a task; its one device is `phone`."""

    def generate(seed: int) -> dict[str, Split]:
        return {
            "validation": Split(VALIDATION, ARCHITECTURES),
            "test": Split(TEST, ARCHITECTURES),
        }

    return TableTask(
        name="six",
        version=1,
        title="Six architectures",
        modality="image",
        dataset=DataSet("six", "made by hand", "none", lambda folder: {}, generate),
        space=SPACE,
        metric=Metric(name="accuracy"),
        cases=cases,
        devices={"phone": "phone"},
        clock="made up",
        folder=Path(),
    )


def table(folder: Path, asked: Case) -> Table:
    """The table of a case, by way of files as always."""
    made = task(asked)
    if not (folder / "checksums.json").is_file():
        cache.store(made.dataset.generate(0), folder)
    return load_table(made, asked, folder)
