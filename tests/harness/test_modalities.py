"""What each modality costs and is worth: what is made missing, whose time is whose."""

import json

import numpy as np
import pytest

from harness import registry
from harness.commands import modalities
from harness.errors import UsageError
from harness.measure.attribute import RUNTIME, Attribution, Share
from harness.record import read_records
from harness.run.cell import execute
from harness.run.matrix import plan
from harness.run.place import Place
from harness.run.prepare import prepare

TASK = registry.find_task("fraud_late_fusion")


def test_one_modality_is_made_missing_and_the_others_are_left_alone():
    inputs = {
        "categories": np.ones((3, 5), np.int64),
        "document": np.zeros((3, 4, 4), np.uint8),
        "events": np.ones((3, 64), np.int64),
        "gaps": np.ones((3, 64), np.float32),
        "numbers": np.ones((3, 8), np.float32),
    }
    found = modalities.missing(TASK, inputs, "transaction")
    assert np.isnan(found["numbers"]).all()
    assert not found["categories"].any()
    assert all(found[name] is inputs[name] for name in ("document", "events", "gaps"))
    assert (modalities.missing(TASK, inputs, "document")["document"] == 255).all()


def test_every_input_belongs_to_one_modality():
    named = [name for inputs in TASK.modalities.values() for name in inputs]
    assert sorted(named) == sorted(each.name for each in TASK.inputs)


def test_time_goes_to_the_modality_that_a_kernel_follows_from():
    def share(ms, *reads):
        return Share(str(reads), "Conv", "", ms, 0, 0, 0, reads)

    rows = (
        share(5.0, "document"),
        share(1.0, "events", "gaps"),
        share(0.5, "categories"),
        share(2.0, "document", "numbers"),
        share(0.25),
    )
    found = modalities.by_modality(TASK, Attribution(8.75, 1.0, rows))
    assert found == {
        "transaction": 0.5, "log": 1.0, "document": 5.0, "fusion": 2.0, RUNTIME: 0.25,
    }  # fmt: skip


def test_a_task_without_modalities_is_refused(place):
    with pytest.raises(UsageError, match="names none"):
        modalities.study("mnist_mlp_microcontroller", "smoke", place, None, as_json=False)


def test_another_machine_than_the_profiles_is_refused(place, monkeypatch):
    monkeypatch.setattr(modalities, "mismatch", lambda profile, here: "its CPU is another")
    with pytest.raises(UsageError, match="not of profile ort-1t-xeon-amx: its CPU is another"):
        modalities.study(TASK.name, "smoke", place, "ort-1t-xeon-amx", as_json=False)


@pytest.mark.slow
def test_finished_runs_are_studied_once(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(modalities, "mismatch", lambda profile, here: None)
    own = Place(tmp_path / "runs", place.data, tmp_path / "results", threads=1)
    method = registry.find_method("modality_ablation")
    record, _ = execute(plan(prepare(TASK, "smoke", own), [method], own, settings="2")[0])
    modalities.study(TASK.name, "smoke", own, "ort-1t-xeon-avx512", as_json=False)
    (path,) = (own.results / TASK.name).glob("modality.smoke.jsonl")
    found = {one.artifact_sha256: one for one in read_records([path])}
    studied = found[record.artifact_sha256]
    assert studied.quality == studied.without["document"] != studied.without["log"]
    assert sum(studied.ms.values()) == pytest.approx(studied.total_ms)
    assert studied.ms["document"] < 0.02 * studied.total_ms < studied.ms["log"]
    before = path.read_text()
    capsys.readouterr()
    modalities.study(TASK.name, "smoke", own, "ort-1t-xeon-avx512", as_json=True)
    assert json.loads(capsys.readouterr().out) == []
    assert path.read_text() == before
    modalities.study(TASK.name, "smoke", own, "ort-1t-xeon-amx", as_json=False)
    (again,) = [one for one in read_records([path]) if one.artifact_sha256 in found]
    assert again.profile == "ort-1t-xeon-amx"
