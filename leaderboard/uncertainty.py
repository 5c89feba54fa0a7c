"""Intervals and tie groups of a task's rows, all from one bootstrap so that rows stay paired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.record import RunRecord
from leaderboard.predictions import example_scores
from leaderboard.resampling import DRAWS, freedom, interval, resampled_means, seed_weights
from leaderboard.rows import RANKED_SEEDS, goodness
from leaderboard.ties import bootstrap_p, mcnemar, resolution_floor, tie_groups

Row = dict[str, Any]
COLUMNS = 512  # runs whose example scores are in memory at once


@dataclass(frozen=True)
class Evidence:
    """What a row's numbers rest on.

    `test` is the quality of each seed (seeds,), `draws` the same over resampled examples
    (draws, seeds), `scores` the examples of the first seed's artifact, or None; `salt` keeps the
    seed draws of different rows apart.
    """

    test: np.ndarray
    draws: np.ndarray
    scores: np.ndarray | None
    salt: int

    @property
    def over_seeds(self) -> tuple[float, int]:
        """The variance of the mean over seeds, and how many seeds say so."""
        seeds = len(self.test)
        return (float(self.test.var(ddof=1)) / seeds if seeds > 1 else 0.0), seeds

    def mean_draws(self) -> np.ndarray:
        """Quality over resampled seeds and examples, (draws,)."""
        weights = seed_weights(len(self.test), len(self.draws), self.salt)
        return np.asarray((weights * self.draws).sum(axis=1))

    @property
    def says_spread(self) -> bool:
        """Whether there is anything to resample: several seeds, or examples."""
        return len(self.test) > 1 or self.scores is not None


def evidence_of(
    groups: Sequence[Sequence[RunRecord]], predictions_of: Callable[[str, str], Path | None]
) -> list[Evidence]:
    """Evidence of each group of finished runs (by seed); one set of example draws serves all."""
    runs = [run for group in groups for run in group]
    draws, first_scores = _draws_of(runs, predictions_of)
    found = []
    start = 0
    for group in groups:
        columns = slice(start, start + len(group))
        test = np.array([run.quality_test for run in group], float)
        scores = first_scores.get(group[0].key) if group else None
        salt = int(group[0].key[:8], 16) if group else 0
        found.append(Evidence(test, draws[:, columns], scores, salt))
        start += len(group)
    return found


def _draws_of(
    runs: Sequence[RunRecord], predictions_of: Callable[[str, str], Path | None]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Resampled quality (draws, runs), constant for runs without scores, and the scores by key."""
    draws = np.tile(np.array([run.quality_test for run in runs], np.float32), (DRAWS, 1))
    kept: dict[str, np.ndarray] = {}
    for start in range(0, len(runs), COLUMNS):
        loaded = {}
        for index in range(start, min(start + COLUMNS, len(runs))):
            run = runs[index]
            path = predictions_of(run.task.name, run.key)
            scores = example_scores(path, run.quality_test or 0.0)
            if scores is not None and len(scores) == run.task.test_examples:
                loaded[index] = scores
                kept[run.key] = scores
        if loaded:
            stack = np.stack([one.astype(np.float32) for one in loaded.values()], axis=1)
            draws[:, list(loaded)] = resampled_means(stack)
    return draws, kept


def add_intervals(rows: Sequence[Row], evidence: Sequence[Evidence]) -> None:
    """Fill quality_low/high and retention_low/high of each row, where something can vary."""
    reference = reference_draws(rows, evidence)
    for row, known in zip(rows, evidence, strict=True):
        if row["quality"] is None or not known.says_spread:
            continue
        draws = known.mean_draws()
        degrees = freedom([known.over_seeds], float(draws.var()))
        row["quality_low"], row["quality_high"] = interval(draws, row["quality"], degrees)
        if row["retention"] is None:
            continue
        baseline = row["quality"] / row["retention"]
        if not row["higher_is_better"]:
            baseline = row["quality"] * row["retention"]
        shares = retained(draws, reference if reference is not None else baseline, row)
        row["retention_low"], row["retention_high"] = interval(shares, row["retention"], degrees)


def retained(draws: np.ndarray, reference: np.ndarray | float, row: Row) -> np.ndarray:
    """Resampled quality as a share of the reference's; the reference retains all of itself."""
    if row["is_reference"]:
        return np.ones_like(draws)
    return np.asarray(draws / reference if row["higher_is_better"] else reference / draws)


def reference_draws(rows: Sequence[Row], evidence: Sequence[Evidence]) -> np.ndarray | None:
    """The reference's quality over the same resampled examples, when it was scored as a row."""
    for row, known in zip(rows, evidence, strict=True):
        if row["is_reference"] and known.scores is not None:
            return known.mean_draws()
    return None


def add_tie_groups(rows: Sequence[Row], evidence: Sequence[Evidence]) -> None:
    """Fill `tie_group` (methods: three seeds or more) and `artifact_group` (first artifacts).

    Rows and evidence are given best first.
    """
    for row in rows:
        row["tie_group"] = row["artifact_group"] = None
    ranked = [
        i for i, row in enumerate(rows) if row["usable"] and len(row["seeds"]) >= RANKED_SEEDS
    ]
    draws = {i: evidence[i].mean_draws() for i in ranked}

    def methods_differ(leader: int, other: int) -> float:
        first, second = ranked[leader], ranked[other]
        observed = goodness(rows[first]) - goodness(rows[second])
        differences = draws[first] - draws[second]
        parts = [evidence[one].over_seeds for one in (first, second)]
        return bootstrap_p(differences, observed, freedom(parts, float(differences.var())))

    for index, group in zip(ranked, tie_groups(len(ranked), methods_differ), strict=True):
        rows[index]["tie_group"] = group
    _add_artifact_groups(rows, evidence)


def _add_artifact_groups(rows: Sequence[Row], evidence: Sequence[Evidence]) -> None:
    tested = [i for i, row in enumerate(rows) if row["usable"] and evidence[i].scores is not None]
    sign = -1 if rows and not rows[0]["higher_is_better"] else 1
    tested.sort(key=lambda i: -sign * evidence[i].test[0])

    def artifacts_differ(leader: int, other: int) -> float:
        return artifacts_p(evidence[tested[leader]], evidence[tested[other]])

    for index, group in zip(tested, tie_groups(len(tested), artifacts_differ), strict=True):
        rows[index]["artifact_group"] = group


def artifacts_p(first: Evidence, second: Evidence) -> float:
    """McNemar's exact test for right-or-wrong scores, else the paired bootstrap."""
    if first.scores is None or second.scores is None:
        return 1.0
    a, b = _as_right_or_wrong(first.scores), _as_right_or_wrong(second.scores)
    if a is not None and b is not None:
        return mcnemar(a, b)
    differences = first.draws[:, 0] - second.draws[:, 0]
    return bootstrap_p(differences, float(first.test[0] - second.test[0]))


def _as_right_or_wrong(scores: np.ndarray) -> np.ndarray | None:
    if scores.dtype == np.bool_:
        return scores
    return scores > 0.5 if np.isin(scores, (0.0, 1.0)).all() else None


def median_floor(rows: Sequence[Row], evidence: Sequence[Evidence]) -> float | None:
    """The task's resolution floor: the median over its rows of the paired 95% half-width."""
    reference = next(
        (known.scores for row, known in zip(rows, evidence, strict=True) if row["is_reference"]),
        None,
    )
    if reference is None:
        return None
    floors = [
        resolution_floor(known.scores, reference)
        for row, known in zip(rows, evidence, strict=True)
        if known.scores is not None and not row["is_reference"]
    ]
    return float(np.median(floors)) if floors else None
