"""What `slimbench run` says that runs will take."""

import pytest

from harness import registry
from harness.commands import estimate
from harness.record import read_records
from harness.run.matrix import plan
from harness.run.prepare import prepare


@pytest.fixture
def runs(tmp_path, place):
    """The smoke runs of a method, posing as standard ones."""
    prepared = prepare(registry.find_task("mnist_mlp_microcontroller"), "smoke", place)
    return lambda name: plan(prepared, [registry.find_method(name)], place)


def test_hours_are_those_of_published_runs_of_the_method(runs, monkeypatch):
    files = (estimate.PUBLISHED / "mnist_mlp_microcontroller").glob("qat_int8.*.jsonl")
    took = [one.cost.cpu_seconds for one in read_records(files) if one.kind == "run"]
    monkeypatch.setattr(estimate, "_published", _standard)
    found = estimate.cpu_hours(runs("qat_int8"))
    assert 3 * min(took) / 3600 < found < 3 * (max(took) + 60) / 3600


def _standard(run):
    files = sorted((estimate.PUBLISHED / run.prepared.task.name).glob("*.standard.jsonl"))
    return [one for one in read_records(files) if one.kind == "run" and one.status == "ok"]


def test_hours_of_what_was_never_run_follow_from_the_budget(runs, monkeypatch):
    monkeypatch.setattr(estimate, "_published", lambda run: [])
    planned = runs("qat_int8")
    macs = sum(run.budget.train_macs for run in planned)
    expected = macs / estimate.TRAINING_MACS_PER_SECOND / 3600
    assert estimate.cpu_hours(planned) == pytest.approx(expected)


def test_disk_grows_with_the_reference(runs):
    assert estimate.disk_bytes(runs("qat_int8")) == 3 * estimate.LEAST_DISK_BYTES
    assert estimate.cpu_hours([]) == estimate.disk_bytes([]) == 0
