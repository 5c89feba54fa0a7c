"""A task made ready: figures that are known save scoring the reference, and are not kept."""

import pytest

from harness.run import prepare as preparing
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
