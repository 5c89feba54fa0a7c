"""Published rows timed again from their artifacts alone, as on a machine of another profile."""

import shutil
from dataclasses import replace

import pytest

from harness.commands import latency
from harness.commands.session import Order, run
from harness.errors import SlimbenchError
from harness.record import RunRecord, read_records
from harness.registry import find_method
from harness.run.matrix import publish_graph
from harness.run.place import Run
from harness.run.restore import restore

DIGITS = "mnist_mlp_microcontroller"


@pytest.fixture
def published(digits, place, tmp_path):
    """A results folder with one published row, and no run folder: as after a clone."""
    there = replace(place, runs=tmp_path / "runs", results=tmp_path / "results")
    shutil.copytree(place.runs / DIGITS / "reference", there.runs / DIGITS / "reference")
    order = Order(DIGITS, ["static_int8"], "smoke", None, "0", 1, [], False, there)
    assert run(order, dry_run=False, as_json=True) == 0
    shutil.rmtree(there.runs / DIGITS / "static_int8")
    return there


def rows(place):
    found = read_records((place.results / DIGITS).glob("*.jsonl"))
    (record,) = [row for row in found if isinstance(row, RunRecord)]
    return record, [row for row in found if not isinstance(row, RunRecord)]


def test_a_published_row_is_timed_from_its_artifact(published, capsys):
    assert rows(published)[1] == []
    order = latency.Order(DIGITS, "smoke", published, "ort-1t-xeon-avx512")
    assert latency.measure_task(order, as_json=False) == 0
    assert rows(published)[1] == [], "without a run folder there is nothing to time"
    assert latency.measure_task(replace(order, published=True), as_json=False) == 0
    (measured,) = rows(published)[1]
    assert measured.artifact_sha256 == rows(published)[0].artifact_sha256
    assert "static_int8" in capsys.readouterr().out


def test_an_artifact_that_scores_otherwise_is_not_timed(published, digits):
    record = rows(published)[0]
    artifact = published.results / DIGITS / "artifacts" / f"{record.artifact_sha256[:16]}.onnx"
    wrong = record.model_copy(update={"quality_test": record.quality_test - 0.01})
    with pytest.raises(SlimbenchError, match=r"more than 0\.003 apart; it is not timed"):
        restore(wrong, artifact, digits, published)
    folder = restore(record, artifact, digits, published)
    assert (folder / "record.json").is_file()
    assert restore(record, artifact, digits, published) == folder


def test_a_row_whose_artifact_is_gone_is_timed_as_its_graph(published, digits, capsys):
    record = rows(published)[0]
    folder = published.results / DIGITS
    artifact = folder / "artifacts" / f"{record.artifact_sha256[:16]}.onnx"
    restored = restore(record, artifact, digits, published)
    chosen = Run(digits, find_method("static_int8"), record.setting, 0, published)
    assert chosen.folder == restored
    assert publish_graph(chosen, record)
    artifact.unlink()
    shutil.rmtree(restored)

    order = latency.Order(DIGITS, "smoke", published, "ort-1t-xeon-avx512", cap_seconds=2)
    assert latency.measure_task(replace(order, published=True), as_json=False) == 0
    (measured,) = rows(published)[1]
    assert measured.redrawn and measured.outputs_match is None
    assert measured.artifact_sha256 == record.artifact_sha256
    assert "static_int8" in capsys.readouterr().out
