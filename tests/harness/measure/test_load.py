import os

import pytest

from harness.measure.load import Reading, foreign_cores, idlest_cpus, label, read_load


def test_foreign_load_is_what_was_busy_less_what_was_ours():
    before = Reading(at=0.0, busy={0: 0.0, 1: 10.0}, own=1.0)
    after = Reading(at=10.0, busy={0: 9.0, 1: 13.0}, own=8.0)
    assert foreign_cores(before, after) == pytest.approx(0.5)


def test_rounding_never_makes_the_load_negative():
    assert foreign_cores(Reading(0, {0: 0.0}, 0.0), Reading(1, {0: 0.9}, 1.0)) == 0.0


def test_loads_are_labelled_at_a_tenth_and_half_a_core():
    assert [label(cores) for cores in (0.0, 0.1, 0.11, 0.5, 0.51)] == [
        "quiet", "quiet", "noted", "noted", "loaded",
    ]  # fmt: skip


def test_the_idlest_cores_are_among_the_allowed():
    found = idlest_cpus(1, window_seconds=0.02)
    assert len(found) == 1
    assert set(found) <= os.sched_getaffinity(0)


def test_a_reading_counts_every_core():
    assert len(read_load().busy) >= len(os.sched_getaffinity(0))
