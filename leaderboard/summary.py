"""What a task's table says in a few numbers: headlines, hypervolumes, the resolution floor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.record import RunRecord, TaskBlock
from leaderboard.fronts import hypervolume, hypervolume_interval
from leaderboard.headline import Headline, OperatingPoint, best_speedup
from leaderboard.rows import RANKED_SEEDS, retention
from leaderboard.uncertainty import Evidence, median_floor, reference_draws, retained

Row = dict[str, Any]
RETENTIONS = (0.99, 0.95)
AT_LIMITS = "limits"
HYPERVOLUME_DRAWS = 2000


@dataclass(frozen=True)
class Summary:
    """Headlines by (method, "0.99" | "0.95" | "limits"), on `speed`: time, or MACs until timed.

    Retention limits finer than `floor` are left out. `hypervolumes[method]` is (value, low,
    high): the dominated area of retention against cost share, reference point (chance, 1),
    as a share of the reference's own rectangle.
    """

    speed: str
    headlines: dict[tuple[str, str], Headline]
    floor: float | None
    hypervolumes: dict[str, tuple[float, float, float]]


def resolves(floor: float | None, limit: float) -> bool:
    """Whether a retention limit is no finer than the resolution floor."""
    return floor is None or 1 - limit >= floor


def summarise(
    rows: Sequence[Row], evidence: Sequence[Evidence], done: Sequence[Sequence[RunRecord]]
) -> Summary:
    """Headlines and hypervolumes of every method of a table."""
    speed = "time" if any(row["speedup"] is not None for row in rows) else "macs"
    floor = median_floor(rows, evidence)
    baseline = reference_draws(rows, evidence)
    by_method: dict[str, list[tuple[Row, OperatingPoint]]] = defaultdict(list)
    for row, known, runs in zip(rows, evidence, done, strict=True):
        point = _operating_point(row, known, runs, speed, baseline)
        if point is not None:
            by_method[row["method"]].append((row, point))
    headlines: dict[tuple[str, str], Headline] = {}
    hypervolumes = {}
    for method, pairs in by_method.items():
        headlines |= _headlines(method, pairs, done, floor)
        hypervolumes[method] = _hypervolume([point for _, point in pairs], _task(done))
    return Summary(speed, headlines, floor, hypervolumes)


def _headlines(
    method: str,
    pairs: Sequence[tuple[Row, OperatingPoint]],
    done: Sequence[Sequence[RunRecord]],
    floor: float | None,
) -> dict[tuple[str, str], Headline]:
    ranked = [pair for pair in pairs if len(pair[0]["seeds"]) >= RANKED_SEEDS]
    pairs = ranked or pairs  # one lucky seed does not stand for a method that has three elsewhere
    points = [point for _, point in pairs]
    found = {
        (method, str(limit)): best_speedup(points, limit)
        for limit in RETENTIONS
        if resolves(floor, limit)
    }
    within = [point for row, point in pairs if _keeps_countable_limits(row)]
    if within and _task(done).limits:
        found[method, AT_LIMITS] = best_speedup(within, _retention_limit(_task(done)))
    return {key: headline for key, headline in found.items() if headline is not None}


def _task(done: Sequence[Sequence[RunRecord]]) -> TaskBlock:
    return next(runs[0].task for runs in done if runs)


def _keeps_countable_limits(row: Row) -> bool:
    """Whether every limit but quality and retention, which validation judges, is kept."""
    return all(
        one["state"] in ("met", "may meet")
        for one in row["limits"]
        if one["quantity"] not in ("quality", "retention")
    )


def _retention_limit(task: TaskBlock) -> float:
    """The task's quality and retention limits as one share of the reference's quality."""
    limits = [one.bound for one in task.limits if one.quantity == "retention"]
    higher = task.metric.higher_is_better
    if task.reference:
        reference = task.reference.quality_test
        limits += [
            retention(one.bound, reference, higher)
            for one in task.limits
            if one.quantity == "quality"
        ]
    return max(limits, default=0.0)


def _operating_point(
    row: Row,
    known: Evidence,
    runs: Sequence[RunRecord],
    speed: str,
    baseline: np.ndarray | None,
) -> OperatingPoint | None:
    """The row as a choice for the headline; None when it lacks speed, validation or reference.

    `baseline` is the reference's quality over the same resampled examples (draws,), if known.
    """
    reference = runs[0].task.reference if runs else None
    value, low, high = _speed(row, reference.macs if reference else None, speed)
    if reference is None or value is None or row["retention_validation"] is None:
        return None
    if not row["usable"]:
        return None
    share = _sharer(row["higher_is_better"])
    validation = np.array([run.quality_validation for run in runs], float)
    return OperatingPoint(
        name=row["row_id"],
        validation=share(validation, reference.quality_validation),
        test=share(known.test, reference.quality_test),
        test_draws=retained(
            known.draws, reference.quality_test if baseline is None else baseline[:, None], row
        ),
        speedup=value,
        low=low or value,
        high=high or value,
    )


def _sharer(higher_is_better: bool) -> Callable[[np.ndarray, float], np.ndarray]:
    if higher_is_better:
        return lambda quality, reference: np.asarray(quality / reference)
    return lambda quality, reference: np.asarray(reference / quality)


def _speed(
    row: Row, reference_macs: int | None, speed: str
) -> tuple[float | None, float | None, float | None]:
    if speed == "time":
        return row["speedup"], row["speedup_low"], row["speedup_high"]
    if not reference_macs or not row["macs"]:
        return None, None, None
    ratio = reference_macs / row["macs"]
    return ratio, ratio, ratio


def _hypervolume(points: Sequence[OperatingPoint], task: TaskBlock) -> tuple[float, float, float]:
    reference = task.reference
    chance = retention(task.metric.chance, reference.quality_test, True) if reference else 0.0
    floor = chance if task.metric.higher_is_better else 0.0
    costs = [1 / point.speedup for point in points]
    rectangle = 1.0 - floor
    if rectangle <= 0:
        return 0.0, 0.0, 0.0  # a reference no better than guessing leaves no area above it
    value = hypervolume(
        [(float(p.test.mean()), cost) for p, cost in zip(points, costs, strict=True)], (floor, 1.0)
    )
    draws = np.stack([_seed_mean(point, place) for place, point in enumerate(points)], axis=1)
    low, high = hypervolume_interval(draws, costs, (floor, 1.0))
    return value / rectangle, low / rectangle, high / rectangle


def _seed_mean(point: OperatingPoint, seed: int) -> np.ndarray:
    from leaderboard.resampling import seed_weights

    weights = seed_weights(len(point.test), HYPERVOLUME_DRAWS, seed)
    return np.asarray(weights @ point.test)
