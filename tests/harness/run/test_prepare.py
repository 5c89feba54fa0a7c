"""A task made ready: figures that are known save scoring the reference, and are not kept."""

import json

import pytest

from harness import data, registry
from harness.errors import SlimbenchError
from harness.run import prepare as preparing
from harness.run.place import Place
from harness.run.prepare import prepare


def test_known_figures_of_the_same_weights_are_taken_and_not_kept(digits, place, monkeypatch):
    anchor = digits.anchor.parent
    block = anchor / "block.json"
    kept = block.read_bytes()
    claimed = digits.block.model_copy(update={"quality_test": 0.123})
    block.unlink()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(preparing, "score", lambda *_: pytest.fail("scored again"))
            assert prepare(digits.task, "smoke", place, known=[claimed]).block == claimed
        assert not block.exists()
        other = claimed.model_copy(update={"sha256": "0" * 64})
        found = prepare(digits.task, "smoke", place, known=[other])
        assert found.block == digits.block
        assert block.read_bytes() == kept
    finally:
        block.write_bytes(kept)


def test_other_data_than_the_frozen_reference_was_trained_on_have_a_reference_of_their_own(
    tmp_path, monkeypatch
):
    task = registry.find_task("beauty_graph_recommendation")
    place = Place(tmp_path / "runs", tmp_path / "data", tmp_path / "results")
    assert place.reference_of(task) == task.folder  # nothing is prepared
    data.store(task.dataset.generate(0), tmp_path / "data" / task.dataset.name)
    own = place.reference_of(task)
    assert own.parent == tmp_path / "runs" / task.name / "reference"
    with pytest.raises(SlimbenchError, match=r"no frozen reference for the data in .*--rebuild"):
        prepare(task, "standard", place)
    frozen = json.loads((task.folder / "reference.json").read_text())["data_sha256"]
    monkeypatch.setattr(data, "data_sha256", lambda _: frozen)
    assert place.reference_of(task) == task.folder
