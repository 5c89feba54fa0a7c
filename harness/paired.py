"""Paired speed-ups: raw (anchor_ms, entry_ms) blocks of several process starts to an interval.

Blocks of one process share its memory layout and its minute on a busy machine, so they are not
independent; process starts are. Each start gives one log ratio of fastest blocks (neighbours only
ever add time). A start in which either model was SLOWED above its best of all starts met another
machine: a neighbour on the core's other thread, a lower clock; such starts are left out. The value
is the 20% trimmed mean over the others, as one in some finds an odd layout, and the 95% range is
Yuen's.

Source: Yuen 1974, doi:10.1093/biomet/61.1.165 (trimmed t). Compared with quartiles, medians, plain
means and minima on recorded starts, see site/measuring.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import SlimbenchError

Blocks = Sequence[tuple[float, float]]
HALF_WIDTH = 0.01
MINIMUM_STARTS = 8
TRIMMED = 0.2
SLOWED = 0.2  # of the fastest block of any start
LEAST_KEPT = 2

# Two-sided 95% Student quantiles for 1 to 30 degrees of freedom; a test compares them with scipy.
_STUDENT = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)


@dataclass(frozen=True)
class Interval:
    """A value and its 95% range, in the same unit."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the range as a fraction of the value."""
        return (self.high - self.low) / (2 * self.value)

    def holds(self, value: float) -> bool:
        """Whether `value` lies within the range."""
        return self.low <= value <= self.high


def student_quantile(freedom: int) -> float:
    """The two-sided 95% quantile of Student's t, within 0.1% for every `freedom` >= 1."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def log_ratios(pairs: Sequence[Blocks]) -> np.ndarray:
    """The log of anchor over entry time of each process start, float64 (starts,).

    Raises SlimbenchError when a start has no block or a time that is not positive and finite.
    """
    fastest = _fastest(pairs)
    ratios: np.ndarray = np.log(fastest[:, 0] / fastest[:, 1])
    return ratios


def _fastest(pairs: Sequence[Blocks]) -> np.ndarray:
    """Each start's fastest block of anchor and entry in ms, float64 (starts, 2)."""
    found = np.zeros((len(pairs), 2))
    for start, blocks in enumerate(pairs):
        times = np.asarray(blocks, float).reshape(-1, 2)  # (blocks, anchor and entry)
        if not len(times) or not np.all(np.isfinite(times) & (times > 0)):
            raise SlimbenchError(
                f"process start {start} holds {len(times)} blocks, and each must be two positive "
                "times in ms; measure again"
            )
        found[start] = times.min(axis=0)
    return found


def undisturbed(pairs: Sequence[Blocks]) -> np.ndarray:
    """Positions of the starts in which neither model was slowed; at least the LEAST_KEPT best."""
    fastest = _fastest(pairs)
    slowed = (fastest / fastest.min(axis=0)).max(axis=1) if len(fastest) else np.zeros(0)
    order = np.argsort(slowed, kind="stable")
    kept = max(int((slowed <= 1 + SLOWED).sum()), LEAST_KEPT)
    return np.sort(order[:kept])


def speedup(pairs: Sequence[Blocks]) -> Interval:
    """How many times faster the entry is than the anchor, with its 95% range.

    `pairs[start]` lists the blocks of one process start. One start alone says nothing of the
    variance between starts: its range is 0 to infinity. Raises SlimbenchError when empty.
    """
    ratios = log_ratios(pairs)[undisturbed(pairs)]
    if not len(ratios):
        raise SlimbenchError("no process start was measured; see the record's cause")
    center, error = _trimmed(ratios)
    value = math.exp(center)
    return Interval(value, value * math.exp(-error), value * math.exp(error))


def _trimmed(ratios: np.ndarray) -> tuple[float, float]:
    """The trimmed mean and the half-width of its 95% range; infinite for a single value."""
    count = len(ratios)
    cut = int(TRIMMED * count)
    ordered = np.sort(ratios)
    kept = ordered[cut : count - cut]
    if len(kept) == 1:
        return float(kept[0]), math.inf
    winsorized = np.clip(ordered, kept[0], kept[-1])
    squares = float(((winsorized - winsorized.mean()) ** 2).sum())
    deviation = math.sqrt(squares / (len(kept) * (len(kept) - 1)))
    return float(kept.mean()), student_quantile(len(kept) - 1) * deviation


def anchor_ms(pairs: Sequence[Blocks]) -> list[float]:
    """The anchor's fastest block of each process start in ms; what an anchor is frozen from."""
    return [min(anchor for anchor, _ in blocks) for blocks in pairs]


def settled(pairs: Sequence[Blocks]) -> bool:
    """Whether enough starts agree for a range of at most +-1% of the ratio, twice in a row.

    Stopping at the first narrow range would favour ranges that are narrow by luck.
    """
    if len(pairs) < MINIMUM_STARTS:
        return False
    return all(speedup(some).half_width <= HALF_WIDTH for some in (pairs, pairs[:-1]))


def of_requests_alone(pairs: Sequence[Blocks], request_ms: Sequence[float]) -> Interval:
    """The speed-up of the mean request with its 95% range, where requests differ in cost.

    The anchor's fastest block of the median start over the mean of `request_ms`, which holds each
    request's fastest call in a start of its own. What blocks say of the entry is left out: they
    keep the fastest calls, which are those of the cheapest requests. The range carries which
    requests were drawn and how one start differs from the next. Raises SlimbenchError without
    requests.
    """
    if not request_ms:
        raise SlimbenchError("no request was timed alone; measure again with a longer cap")
    times, anchors = np.asarray(request_ms, float), np.log(anchor_ms(pairs))
    freedom = max(len(times) - 1, 1)
    drawn = student_quantile(freedom) * float(times.std()) / math.sqrt(freedom) / times.mean()
    starts = student_quantile(max(len(anchors) - 1, 1)) * float(anchors.std())
    error = math.hypot(drawn, starts)
    value = math.exp(float(np.median(anchors))) / float(times.mean())
    return Interval(value, value * math.exp(-error), value * math.exp(error))


def of_artifacts(ratios: Sequence[Interval]) -> Interval:
    """The geometric mean of several artifacts' speed-ups, with its 95% range.

    The range carries how one artifact differs from the next, and what is uncertain in each.
    """
    if len(ratios) == 1:
        return ratios[0]
    logs = np.log([one.value for one in ratios])
    halves = [math.log(one.high / one.value) for one in ratios]
    between = student_quantile(len(logs) - 1) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    error = math.hypot(between, *(half / len(logs) for half in halves))
    value = math.exp(float(logs.mean()))
    return Interval(value, value * math.exp(-error), value * math.exp(error))


def different(pairs: Sequence[Blocks]) -> bool:
    """Whether the two models differ in speed at 95% confidence."""
    return not speedup(pairs).holds(1.0)


def nominal_ms(anchor_nominal_ms: float, ratio: Interval) -> Interval:
    """Latency in ms on a quiet machine: the anchor's frozen latency over the speed-up."""
    return Interval(
        anchor_nominal_ms / ratio.value,
        anchor_nominal_ms / ratio.high,
        anchor_nominal_ms / ratio.low if ratio.low > 0 else math.inf,
    )


def request_quantile_ms(request_ms: Sequence[float], quantile: float, mean_ms: float) -> float:
    """A quantile over requests in nominal ms, where the mean request costs `mean_ms`.

    `request_ms` holds each request's fastest call, so what remains is what the input costs.
    """
    times = np.asarray(request_ms, float)
    return float(mean_ms * np.quantile(times, quantile) / times.mean())


def request_p99_ms(request_ms: Sequence[float], nominal: Interval) -> float:
    """The 99th percentile over requests, in nominal ms.

    `request_ms` holds each request's fastest call, so what remains is what the input costs; the
    median request is taken to cost the nominal latency.
    """
    times = np.asarray(request_ms, float)
    return float(nominal.value * np.quantile(times, 0.99) / np.median(times))


def throughput(batch: int, pairs: Blocks, anchor_nominal_ms: float) -> float:
    """Examples per second of the entry in batches, scaled to the anchor's frozen latency.

    `pairs` holds (anchor_ms at batch 1, entry_ms at `batch`) blocks.
    """
    ratio = math.exp(float(log_ratios([pairs])[0]))
    return batch * 1000 * ratio / anchor_nominal_ms


def spread(values: Sequence[float]) -> float:
    """Run-to-run spread of repeated results: standard deviation over mean."""
    array = np.asarray(values, float)
    return float(array.std(ddof=1) / array.mean())


def spread_ratio(
    ours: Sequence[float], theirs: Sequence[float], resamples: int = 5000, seed: int = 0
) -> Interval:
    """How many times larger the spread of `theirs` is, with a 95% percentile bootstrap range."""
    generator = np.random.default_rng(seed)

    def resampled(values: Sequence[float]) -> np.ndarray:
        array = np.asarray(values, float)
        drawn = array[generator.integers(len(array), size=(resamples, len(array)))]
        spreads: np.ndarray = drawn.std(axis=1, ddof=1) / drawn.mean(axis=1)  # (resamples,)
        return spreads

    ratios = resampled(theirs) / np.maximum(resampled(ours), 1e-12)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Interval(spread(theirs) / max(spread(ours), 1e-12), float(low), float(high))
