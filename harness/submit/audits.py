"""Verdicts on one artifact, from numbers alone: what it claims, what came out, what that means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from harness.record import Counts
from harness.record_submission import ClaimBlock

MOST_DIFFERENT = 0.003  # share of labels that another kind of processor may change
ROUNDING = 1e-9
FASTER = 1.25  # how many times faster a known request may be than a fresh one
TIMER_MS = 0.01  # and at least so many ms
MATCHING = 0.99
FLOOR = 1.96  # standard errors: what a paired test resolves at 95%
SURE = 3.09  # standard errors: one-sided 99.9%
CLOCK_SHARE, CLOCK_SECONDS = 0.02, 0.05
EXACT = ("macs", "params", "params_nonzero", "size_bytes", "peak_memory_bytes")


def claim(
    name: str, claimed: float | str | None, found: float | str | None, why: str
) -> ClaimBlock:
    """A claim that stands."""
    return ClaimBlock(name=name, claimed=claimed, recomputed=found, verdict="accepted", why=why)


def refusal(
    name: str, claimed: float | str | None, found: float | str | None, why: str
) -> ClaimBlock:
    """A claim that does not."""
    return ClaimBlock(name=name, claimed=claimed, recomputed=found, verdict="refused", why=why)


def judge_counts(claimed: Counts, found: Counts) -> list[ClaimBlock]:
    """MACs, sizes and memory are read off the same file, so they are equal or wrong."""
    rows = []
    for name in EXACT:
        theirs, ours = getattr(claimed, name), getattr(found, name)
        if theirs == ours:
            rows.append(claim(name, theirs, ours, "equal"))
        else:
            rows.append(refusal(name, theirs, ours, f"the artifact's {name} is {ours}"))
    return rows


def judge_predictions(
    claimed: np.ndarray, found: np.ndarray, outputs: np.ndarray, tolerance: float, same_class: bool
) -> ClaimBlock:
    """Labels (n,) as claimed and as recomputed, with the outputs (n, classes) behind the latter.

    On the same class of processor and runtime they are identical. Elsewhere at most 0.3% may
    differ, and only where the two largest outputs are within `tolerance` of the largest one.
    """
    if claimed.shape != found.shape:
        why = f"shape {claimed.shape} instead of {found.shape}"
        return refusal("predictions", None, None, why)
    differ = claimed != found
    differ = differ.reshape(len(differ), -1).any(axis=1)
    share = float(differ.mean())
    if same_class or share == 0:
        word = "same class of processor" if same_class else "another class of processor"
        if share == 0:
            return claim("predictions", 1.0, 1.0, f"identical on every example ({word})")
        why = f"{int(differ.sum())} labels differ; on the {word} none may"
        return refusal("predictions", 1.0, 1 - share, why)
    margin = _margin(outputs)
    clear = int((differ & (margin > tolerance)).sum())
    if clear or share > MOST_DIFFERENT:
        why = (
            f"{share:.2%} of the labels differ (at most {MOST_DIFFERENT:.1%} may), {clear} of them "
            f"where the outputs are further apart than the tolerance {tolerance}"
        )
        return refusal("predictions", 1.0, 1 - share, why)
    why = f"{share:.2%} differ on another class of processor, all within the tolerance"
    return claim("predictions", 1.0, 1 - share, why)


def _margin(outputs: np.ndarray) -> np.ndarray:
    """How far the two largest outputs are apart, as a share of the largest, float (n,).

    Of ranked ids (whole numbers) it is unknown, so 0: any of them may have been a tie.
    """
    if outputs.dtype.kind != "f":
        return np.zeros(len(outputs))
    largest = np.sort(outputs, axis=1)[:, -2:]  # (n, 2)
    scale: np.ndarray = np.maximum(np.abs(outputs).max(axis=1), 1e-12)
    return np.asarray((largest[:, 1] - largest[:, 0]) / scale)


def judge_quality(name: str, claimed: float, found: float, slack: float) -> ClaimBlock:
    """A score against the recomputed one; `slack` is the share of labels that may differ."""
    if abs(claimed - found) <= slack + ROUNDING:
        return claim(name, claimed, found, "equal" if slack == 0 else "within the tolerance")
    why = f"the artifact scores {found:.6g}, the record says {claimed:.6g}"
    return refusal(name, claimed, found, why)


def judge_change(
    name: str, entry: tuple[np.ndarray, np.ndarray], reference: tuple[np.ndarray, np.ndarray]
) -> ClaimBlock:
    """Scores (n,) before and after a change that leaves the labels, of entry and reference.

    The change may cost the entry what it costs the reference plus the floor of a paired test;
    refused is what lies above that with 99.9% confidence, as honest small models are a little
    less robust than their reference (up to 0.9 points on 18 MNIST artifacts, n = 2000).
    """
    costs = [before.astype(float) - after for before, after in (entry, reference)]
    excess = costs[0] - costs[1]
    error = float(excess.std(ddof=1)) / math.sqrt(len(excess))
    limit = float(costs[1].mean()) + (FLOOR + SURE) * error
    lost = float(costs[0].mean())
    said = f"costs {lost:.2%} of quality, the reference {costs[1].mean():.2%}, limit {limit:.2%}"
    if lost > limit and lost > 0:
        why = f"{said}: the test examples seem to be known by heart"
        return refusal(f"memorisation: {name}", None, lost, why)
    return claim(f"memorisation: {name}", None, lost, said)


def judge_single(batched: np.ndarray, single: np.ndarray) -> ClaimBlock:
    """Predictions (n, ...) in batches, as scored, and one by one, as timed: the same ones."""
    share = float((batched == single).reshape(len(batched), -1).all(axis=1).mean())
    why = f"{share:.2%} of the labels are the same one by one as in batches"
    make = claim if share >= MATCHING else refusal
    return make("timed outputs are the scored ones", None, share, why)


def faster_than_fresh(streams_ms: Mapping[str, Sequence[float]], name: str) -> bool:
    """Whether a stream beats fresh requests beyond the noise (ms): at its best, and in most rounds.

    A cache shows in every round. A clock that jumps may favour one stream's best round alone.
    """
    value, fresh = min(streams_ms[name]), min(streams_ms["fresh"])
    ratios = [b / a for a, b in zip(streams_ms[name], streams_ms["fresh"], strict=True)]
    return median(ratios) > FASTER and fresh > FASTER * value and fresh - value > TIMER_MS


def judge_streams(streams_ms: Mapping[str, Sequence[float]]) -> list[ClaimBlock]:
    """Known, permuted and repeated requests are not faster than fresh ones (ms a call)."""
    fresh = min(streams_ms["fresh"])
    rows = []
    for name in ("known", "permuted", "repeated"):
        value = min(streams_ms[name])
        why = f"{value:.4f} ms a call, fresh requests {fresh:.4f} ms"
        make = refusal if faster_than_fresh(streams_ms, name) else claim
        rows.append(make(f"{name} requests are not faster", None, fresh / value, why))
    return rows


def judge_clocks(clocks: Mapping[str, float], outside_seconds: float) -> ClaimBlock:
    """The child's clocks agree with each other, and say no more than passed outside."""
    slack = CLOCK_SECONDS + CLOCK_SHARE * outside_seconds
    values = list(clocks.values())
    agree = len(values) == 4 and max(values) - min(values) <= slack
    if agree and 0 < max(values) <= outside_seconds + slack:
        return claim("clocks", None, max(values), "four clocks agree with the one outside")
    shown = ", ".join(f"{name} {value:.2f} s" for name, value in sorted(clocks.items()))
    return refusal("clocks", None, None, f"{shown}; outside {outside_seconds:.2f} s")
