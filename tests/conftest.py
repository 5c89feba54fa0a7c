"""Shared fixtures: a folder of runs for the whole session, tasks prepared at smoke scale."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch loads; pytest runs two workers

from harness import registry
from harness.run import process
from harness.run.matrix import plan
from harness.run.place import Place, Prepared, Run
from harness.run.prepare import prepare

METHODS = Path(__file__).parent / "methods"


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Runs, data and results of this test session; one thread, CPU."""
    folder = tmp_path_factory.mktemp("slimbench")
    base = tmp_path_factory.getbasetemp()
    prepared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prepared"
    for task in registry.tasks().values():
        process.preload(task.preload)
        _link(folder / "runs" / task.name / "reference", prepared / task.name)
    _link(folder / "runs" / "smoke_data", prepared / "smoke_data")
    return Place(folder / "runs", folder / "data", folder / "runs" / "results", threads=1)


def _link(path: Path, shared: Path) -> None:
    """What is prepared once serves all workers; whoever comes second waits for its lock."""
    shared.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(shared)


@pytest.fixture(scope="session")
def digits(place: Place) -> Prepared:
    """The MNIST task at smoke scale."""
    return prepare(registry.find_task("mnist_mlp_microcontroller"), "smoke", place)


@pytest.fixture
def run_of(digits: Prepared, place: Place):
    """A run of a method file in tests/methods/, with a budget of its own if given."""

    def make(name: str, **budget: float) -> Run:
        prepared = digits
        if budget:
            task = digits.task
            changed = replace(task.budgets["smoke"], **budget)
            prepared = replace(digits, task=replace(task, budgets={"smoke": changed}))
        method = registry.read_listing(METHODS / f"{name}.py", "submitted")
        return plan(prepared, [method], place)[0]

    return make


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The prepared real data sets, or a skip that says how to get them."""
    folder = Path(os.environ.get("SLIMBENCH_DATA", ""))
    if not (folder / "mnist" / "checksums.json").is_file():
        pytest.skip("SLIMBENCH_DATA names no prepared data; see `slimbench data prepare --help`")
    return folder
