"""The latency columns of a row, from the paired timings of its artifacts on one profile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.money import cost_per_million
from harness.paired import (
    Interval,
    nominal_ms,
    of_artifacts,
    of_requests_alone,
    request_p99_ms,
    request_quantile_ms,
    speedup,
    throughput,
)
from harness.record import MeasurementRecord, ProfileBlock

Row = dict[str, Any]
INT8_FLAGS = ("amx_int8", "avx512_vnni", "avx_vnni", "dotprod", "i8mm")
LOADS = ("quiet", "noted", "loaded")
LATENCIES = ("latency_ms_p50", "latency_ms_low", "latency_ms_high", "latency_ms_p99")


def timing_columns(
    artifacts: Sequence[str],
    measured: Mapping[str, MeasurementRecord],
    profile: ProfileBlock | None,
) -> Row:
    """Speed-up and nominal latency pooled over a row's artifacts; None where not timed.

    Artifacts of several seeds count alike, and the range carries how they differ; `timed` says how
    many of them were. Where a graph takes one of several ways, speed-up, latency and price
    are of the mean request, also in the column that holds the median of others. `redrawn` says
    that some artifact was timed as its graph with weights drawn anew.
    """
    columns = _unknown(profile)
    records = [measured[one] for one in dict.fromkeys(artifacts) if one in measured]
    good = [one for one in records if one.status == "ok" and one.pairs]
    causes = [one.cause or one.status.replace("_", " ") for one in records if one not in good]
    if causes:
        columns["latency_cause"] = "; ".join(dict.fromkeys(causes))
    if profile is None:
        return columns
    if not good:
        return columns | _as_anchor(artifacts, measured, profile)
    ways = any(one.by_request for one in good)
    if ways and not all(one.request_ms for one in good):
        return columns | {
            "latency_cause": "requests differ in cost and none was timed alone (kits do not)"
        }
    ratio = of_artifacts(
        [
            of_requests_alone(one.pairs, one.request_ms) if ways else speedup(one.pairs)
            for one in good
        ]
    )
    latency = nominal_ms(good[0].anchor_nominal_ms, ratio)
    columns |= _known(good, ratio, latency) | {
        "by_request": ways,
        "redrawn": any(one.redrawn for one in good),
        "timed": len(good),
    }
    if ways:
        slowest = [request_quantile_ms(one.request_ms, 0.99, latency.value) for one in good]
        columns["latency_ms_p99"] = max(slowest)
    if not all(one.environment.get("anchor_frozen", True) for one in good):
        cause = "no nominal latency: the anchor is not frozen on this profile"
        return columns | dict.fromkeys(LATENCIES) | {"latency_cause": cause}
    return columns | _price(profile, latency) | _throughput(good)


def _as_anchor(
    artifacts: Sequence[str], measured: Mapping[str, MeasurementRecord], profile: ProfileBlock
) -> Row:
    """The frozen latency of an artifact that others were timed beside: its speed-up is 1."""
    for one in measured.values():
        if one.anchor_sha256 in artifacts and one.environment.get("anchor_frozen", True):
            latency = Interval(*[one.anchor_nominal_ms] * 3)
            ratio: Row = dict.fromkeys(("speedup", "speedup_low", "speedup_high"), 1.0)
            known = dict.fromkeys(LATENCIES[:3], latency.value)
            return (
                ratio | known | {"settled": True, "latency_cause": None} | _price(profile, latency)
            )
    return {}


def over(row: Row, base: Row) -> Interval:
    """How many times faster a row is than another, from both speed-ups over the one anchor."""
    value = row["speedup"] / base["speedup"]
    if row is base:
        return Interval(1.0, 1.0, 1.0)
    if None in (row["speedup_low"], base["speedup_low"]):
        return Interval(value, 0.0, math.inf)
    halves = [math.log(one["speedup_high"] / one["speedup_low"]) / 2 for one in (row, base)]
    error = math.hypot(*halves)
    return Interval(value, value * math.exp(-error), value * math.exp(error))


def _unknown(profile: ProfileBlock | None) -> Row:
    return {
        "profile": profile.name if profile else None,
        "profile_sha256": profile.sha256 if profile else None,
        "profile_kind": profile.kind if profile else None,
        "speedup": None,
        "speedup_low": None,
        "speedup_high": None,
        "latency_ms_p50": None,
        "latency_ms_low": None,
        "latency_ms_high": None,
        "latency_ms_p99": None,
        "settled": None,
        "load_label": None,
        "instructions": None,
        "energy_mj": None,
        "usd_per_million": None,
        "throughput": None,
        "throughput_batch": None,
        "latency_cause": None,
        "by_request": False,
        "redrawn": False,
        "timed": 0,
    }


def _known(good: Sequence[MeasurementRecord], ratio: Interval, latency: Interval) -> Row:
    requests = [request_p99_ms(one.request_ms, latency) for one in good if one.request_ms]
    energies = [one.energy_mj for one in good if one.energy_mj is not None]
    labels = [one.load_label for one in good if one.load_label is not None]
    return {
        "speedup": ratio.value,
        "speedup_low": _finite(ratio.low),
        "speedup_high": _finite(ratio.high),
        "latency_ms_p50": latency.value,
        "latency_ms_low": _finite(latency.low),
        "latency_ms_high": _finite(latency.high),
        "latency_ms_p99": max(requests, default=None),
        "settled": all(one.settled for one in good),
        "load_label": max(labels, key=LOADS.index, default=None),
        "instructions": int8_instructions(good[0]),
        "energy_mj": fmean(energies) if energies else None,
    }


def int8_instructions(record: MeasurementRecord) -> str | None:
    """The instruction sets for INT8 of the CPU that timed; None where it has none or is unknown."""
    flags = record.environment.get("flags", ())
    return ", ".join(one for one in INT8_FLAGS if one in flags) or None


def _price(profile: ProfileBlock, latency: Interval) -> Row:
    if profile.price_per_hour_usd is None:
        return {}
    return {"usd_per_million": cost_per_million(profile.price_per_hour_usd, latency).value}


def _throughput(good: Sequence[MeasurementRecord]) -> Row:
    """Nominal requests a second in the largest batches that were timed, mean over artifacts."""
    timed = [(one.throughput_batch, one) for one in good if one.throughput_batch]
    batch = max((size for size, _ in timed), default=None)
    if batch is None:
        return {}
    each = [
        throughput(batch, one.throughput_pairs, one.anchor_nominal_ms)
        for size, one in timed
        if size == batch
    ]
    return {"throughput": fmean(each), "throughput_batch": batch}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) and value > 0 else None
