"""How often honest timings are refused and claims 10% too good are not, on recorded blocks."""

from __future__ import annotations

import numpy as np
import pytest

from harness.paired import settled
from harness.record import MeasurementRecord, read_records
from harness.registry import ROOT
from harness.submit.latency import judge

RECORDS = [
    record
    for record in read_records(sorted((ROOT / "leaderboard" / "results").glob("*/*.jsonl")))
    if isinstance(record, MeasurementRecord)
    and record.status == "ok"
    and settled(record.pairs)
    and record.profile.kind == "measured"
]


def resampled(number: int, seed: int):
    """Two measurements of one artifact: its recorded process starts drawn twice."""
    record = RECORDS[number % len(RECORDS)]
    random = np.random.default_rng([number, seed])
    draws = random.integers(0, len(record.pairs), (2, len(record.pairs)))
    return [[record.pairs[i] for i in draw] for draw in draws]


def too_good(pairs, factor):
    """The same blocks with the entry's times divided."""
    return [[(anchor, entry / factor) for anchor, entry in start] for start in pairs]


def test_of_150_honest_repetitions_none_is_refused():
    assert len(RECORDS) >= 5
    verdicts = [judge(*resampled(number, 0)).verdict for number in range(150)]
    assert verdicts.count("refused") == 0
    assert verdicts.count("accepted") >= 140


def test_of_100_claims_10_percent_too_good_at_least_95_are_refused():
    verdicts = []
    for number in range(100):
        claimed, found = resampled(number, 1)
        verdicts.append(judge(too_good(claimed, 1.1), found).verdict)
    assert verdicts.count("refused") >= 95


def test_a_claim_twice_too_good_is_refused_and_says_by_how_much():
    claimed, found = resampled(0, 2)
    verdict = judge(too_good(claimed, 2.0), found)
    assert verdict.verdict == "refused"
    assert "faster than measured here" in verdict.why


def test_a_modest_claim_stands_and_ours_is_shown_beside_it():
    claimed, found = resampled(0, 3)
    verdict = judge(too_good(claimed, 0.5), found)
    assert verdict.verdict == "accepted"
    assert verdict.recomputed == pytest.approx(2 * verdict.claimed, rel=0.05)


def test_one_process_start_says_nothing_either_way():
    claimed, found = resampled(0, 4)
    assert judge(claimed[:1], found).verdict == "unchecked"
    assert judge(claimed, found[:1]).verdict == "unchecked"
