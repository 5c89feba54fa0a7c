"""Timed blocks of two models, alternating in one process; needs numpy alone, so kits ship it.

A block is about 150 ms of calls on fresh requests. Its first two calls, which find the caches
cold after the other model, are dropped; its value is the 5% quantile of the rest, because
neighbours only ever add time. Every output is compared with what was scored, outside the clock.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

Model = Callable[[dict[str, np.ndarray]], list[np.ndarray]]
Clock = Callable[[], int]
LOW_QUANTILE = 0.05
STOPPED_IMPROVING = 0.98
MATCHING_SHARE = 0.99
MAXIMUM_CALLS = 2000
SPREAD_SECONDS = 1.0


class TimingError(Exception):
    """A timed run that says nothing, in one sentence."""


@dataclass(frozen=True)
class Plan:
    """How one process times: blocks of `block_ms`, `pairs` of them, within `seconds`."""

    block_ms: float = 150.0
    pairs: int = 4
    seconds: float = 10.0
    dropped: int = 2
    warm_blocks: int = 6
    seed: int = 0


@dataclass
class Requests:
    """Inputs {name: (n, *shape)} given one by one, and the outputs [(n, ...)] they must lead to.

    `expected` holds raw outputs, compared within `tolerance` of the largest one, or integer
    labels (n,), compared with the argmax of the first output. `mask` names an input (n, length)
    that is 1 where a request has something: what is given is cut to the longest of the batch.
    """

    inputs: dict[str, np.ndarray]
    expected: list[np.ndarray] | None = None
    tolerance: float = 1e-3
    mask: str | None = None
    checked: int = 0
    mismatched: int = 0
    _order: Iterator[int] = field(init=False)
    _scales: list[float] = field(init=False)

    def __post_init__(self) -> None:
        """Start a shuffled, endless round over the requests."""
        self._order = self._rounds()
        largest = [np.abs(wanted).max(initial=0) for wanted in self.expected or []]
        self._scales = [max(1e-6, float(value)) for value in largest]

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def _rounds(self) -> Iterator[int]:
        generator = np.random.default_rng(0)
        while True:
            yield from (int(index) for index in generator.permutation(len(self)))

    def fresh(self, batch: int = 1) -> tuple[list[int], dict[str, np.ndarray]]:
        """The next `batch` requests: their positions, and copies that no model has seen."""
        rows = [next(self._order) for _ in range(batch)]
        return rows, self.cut({name: array[rows] for name, array in self.inputs.items()})

    def cut(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Inputs {name: (n, length)} without the padding that all of them have."""
        if self.mask is None:
            return inputs
        longest = int(inputs[self.mask].sum(axis=1).max())
        return {name: np.ascontiguousarray(each[:, :longest]) for name, each in inputs.items()}

    def check(self, rows: list[int], outputs: list[np.ndarray]) -> None:
        """Note whether each row's outputs are as expected. Raises TimingError on NaN."""
        for output in outputs:
            if np.issubdtype(output.dtype, np.floating) and not np.isfinite(output).all():
                raise TimingError("the model returned NaN or infinite values in the timed run")
        if self.expected is None:
            return
        self.checked += len(rows)
        self.mismatched += sum(not self._matches(row, outputs, i) for i, row in enumerate(rows))

    def _matches(self, row: int, outputs: list[np.ndarray], position: int) -> bool:
        for wanted, scale, output in zip(self.expected or [], self._scales, outputs, strict=False):
            if position >= len(output):
                return False
            found, scored = output[position], wanted[row]
            labels = np.issubdtype(wanted.dtype, np.integer) and np.ndim(scored) < np.ndim(found)
            if labels:
                found = np.argmax(found, axis=-1)
            if found.shape != np.shape(scored):
                return False
            exact = np.issubdtype(wanted.dtype, np.integer)
            limit = 0.0 if exact else self.tolerance * scale
            if np.abs(found - scored).max(initial=0) > limit:
                return False
        return True

    @property
    def match(self) -> bool | None:
        """Whether at least 99% of the timed outputs were as scored; None if there was no check."""
        if not self.checked:
            return None
        return self.mismatched <= (1 - MATCHING_SHARE) * self.checked


def overhead_ns(clock: Clock = time.perf_counter_ns) -> int:
    """What reading the clock twice costs, in ns: the least of 1000 tries."""
    return min(-(clock() - clock()) for _ in range(1000))


def call_ms(
    model: Model, requests: Requests, batch: int = 1, clock: Clock = time.perf_counter_ns
) -> tuple[float, list[int], list[np.ndarray]]:
    """One call on fresh requests: its time in ms, the requests' rows, and the outputs."""
    rows, inputs = requests.fresh(batch)
    begin = clock()
    outputs = model(inputs)
    end = clock()
    if end < begin:
        raise TimingError(
            f"the clock stepped back by {begin - end} ns between two readings; fix the machine's "
            "clock source and measure again"
        )
    return (end - begin) / 1e6, rows, outputs


@dataclass
class Timer:
    """Takes blocks of one model; knows how many calls fill a block."""

    model: Model
    requests: Requests
    plan: Plan
    batch: int = 1
    clock: Clock = time.perf_counter_ns
    check: bool = True
    calls: int = 3
    overhead_ms: float = 0.0

    def calibrate(self) -> float:
        """Set how many calls fill a block; the time of the faster of two calls in ms."""
        self.overhead_ms = overhead_ns(self.clock) / 1e6
        self.calls = 2
        once = max(min(self._times()), 1e-4)
        dropped = self.plan.dropped if once < self.plan.block_ms / 2 else 1
        self.calls = dropped + min(MAXIMUM_CALLS, max(1, round(self.plan.block_ms / once)))
        return once

    def block(self) -> float:
        """The 5% quantile of a block's calls in ms, timer overhead subtracted."""
        times = self._times()
        kept = times[min(self.plan.dropped, len(times) - 1) :]
        return max(float(np.quantile(kept, LOW_QUANTILE)) - self.overhead_ms, 1e-6)

    def warm(self) -> None:
        """Take blocks until one is no more than 2% faster than the best before it.

        A model so slow that its blocks fill a quarter of the plan's seconds is warm enough.
        """
        begin = time.monotonic()
        best = self.block()
        for _ in range(self.plan.warm_blocks - 1):
            if time.monotonic() - begin > self.plan.seconds / 4:
                return
            value = self.block()
            if value > STOPPED_IMPROVING * best:
                return
            best = value

    def _times(self) -> list[float]:
        taken = [
            call_ms(self.model, self.requests, self.batch, self.clock) for _ in range(self.calls)
        ]
        if self.check:
            for _, rows, outputs in taken:
                self.requests.check(rows, outputs)
        return [milliseconds for milliseconds, _, _ in taken]


def alternate(anchor: Timer, entry: Timer, plan: Plan) -> list[tuple[float, float]]:
    """Pairs of (anchor_ms, entry_ms) blocks, the first of each pair drawn by lot.

    Stops after `plan.pairs`, or after the first pair that ends beyond `plan.seconds`.
    """
    generator = np.random.default_rng(plan.seed)
    begin = time.monotonic()
    pairs: list[tuple[float, float]] = []
    while len(pairs) < plan.pairs and (not pairs or time.monotonic() - begin < plan.seconds):
        if generator.random() < 0.5:
            anchor_ms = anchor.block()
            pairs.append((anchor_ms, entry.block()))
        else:
            entry_ms = entry.block()
            pairs.append((anchor.block(), entry_ms))
    return pairs


def fastest_per_request(
    model: Model,
    requests: Requests,
    limit: int,
    passes: int,
    seconds: float,
    spread_seconds: float = SPREAD_SECONDS,
) -> list[float]:
    """Each request's fastest call in ms, for `limit` requests from first to last.

    At least `passes` calls a request, over at least `spread_seconds`, so that what disturbs one
    moment is not in all of them; within `seconds` as many as there is time for. Calls follow each
    other as in a block: all that is theirs is made before, all checks come after.
    """
    rows = np.linspace(0, len(requests) - 1, min(limit, len(requests))).astype(int)
    alone = [
        Requests({k: v[row : row + 1] for k, v in requests.inputs.items()}, mask=requests.mask)
        for row in rows
    ]
    generator = np.random.default_rng(0)
    best = np.full(len(rows), np.inf)
    overhead_ms = overhead_ns() / 1e6
    begin = time.monotonic()
    for number in itertools.count():
        spent = time.monotonic() - begin
        if spent > seconds or (number >= passes and spent > spread_seconds):
            break
        answers = []
        for place in generator.permutation(len(rows)):
            if time.monotonic() - begin > seconds:
                break
            milliseconds, _, outputs = call_ms(model, alone[place])
            answers.append((int(rows[place]), outputs))
            best[place] = min(best[place], milliseconds - overhead_ms)
        for row, outputs in answers:
            requests.check([row], outputs)
    return [float(value) for value in best[np.isfinite(best)]]


def deterministic(model: Model, requests: Requests) -> bool:
    """Whether the same request leads to the same outputs twice."""
    _, inputs = requests.fresh()
    twice = [model({name: array.copy() for name, array in inputs.items()}) for _ in range(2)]
    return all(
        first.shape == second.shape
        and np.allclose(first, second, rtol=requests.tolerance, atol=1e-6, equal_nan=True)
        for first, second in zip(*twice, strict=True)
    )
