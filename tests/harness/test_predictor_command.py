"""The predictor of a search space: which networks are timed, and how its fit is told."""

import pytest

from harness import data, registry
from harness.commands import predictor
from harness.commands.session import place as place_of
from harness.errors import UsageError
from harness.measure.predictor import load_predictor
from harness.measure.profile import load_profile
from harness.run import timing


def test_the_fit_is_told_by_ranks_and_by_relative_errors():
    told = predictor.agreement([1.0, 2.1, 3.0, 5.0], [1.0, 2.0, 3.6, 4.0])
    assert told["spearman"] == pytest.approx(1.0)
    assert told["within_10_percent"] == 0.5
    assert told["median_error"] == pytest.approx((0.05 + 1 / 6) / 2)


def test_networks_are_drawn_once_each_and_the_same_again():
    space = registry.find_task("mnist_mlp_microcontroller").search.space
    drawn = predictor._drawn(space, 300)
    assert len(set(drawn)) == len(drawn) == 300
    assert drawn[:40] == predictor._drawn(space, 40)


def test_a_task_without_a_space_needs_none():
    place = place_of(None, registry.ROOT / "runs", None, "cpu", 0, 1, "standard")
    with pytest.raises(UsageError, match="poses no search over networks of its own"):
        predictor.build("cifar10_mobilenetv2_slimming", None, 8, place, as_json=False)


def test_a_profile_that_times_nothing_is_refused(tmp_path):
    place = place_of(None, tmp_path, None, "cpu", 0, 1, "standard")
    with pytest.raises(UsageError, match="hwnas-eyeriss-latency is of kind table"):
        predictor.build("cifar10_cell_networks", "hwnas-eyeriss-latency", 8, place, as_json=False)


@pytest.mark.slow
def test_a_space_is_timed_and_its_networks_are_predicted(tmp_path, monkeypatch):
    folder = data.cache_folder(None)
    profile = timing.default_profile()
    if profile is None or not (folder / "mnist").is_dir():
        pytest.skip("needs a machine of a measured profile, and MNIST prepared")
    monkeypatch.setattr(predictor, "stored_predictor", lambda *_: tmp_path / "p" / "found.json")
    place = place_of(None, tmp_path / "runs", None, "cpu", 1, 1, "standard")
    told = predictor.build("mnist_mlp_microcontroller", None, 24, place, as_json=False)
    assert told["held_out"] == 6
    assert told["spearman"] > 0.5
    found = load_predictor(tmp_path / "p" / "found.json", load_profile(profile.name))
    assert len(found.table) == told["operators"] > 10
