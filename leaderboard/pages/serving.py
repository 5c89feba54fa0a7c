"""What lies around a request: making the model's inputs, and requests at their own length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.paired import nominal_ms, of_requests_alone
from harness.record import MeasurementRecord
from harness.record_studies import PreprocessingRecord
from leaderboard.board import TaskRecords
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.safe import row_name, text
from leaderboard.table import Table

Row = dict[str, Any]


def serving_section(table: Table, records: TaskRecords) -> list[str]:
    """The section's parts; none where nothing was timed."""
    parts = [_preprocessing(one) for one in records.preprocessing]
    parts += [_natural(one) for one in _trimmed(table, records)]
    parts += _ways(table, records)
    return ["## Around a request", *parts] if parts else []


def _trimmed(table: Table, records: TaskRecords) -> list[MeasurementRecord]:
    """Timings of the reference at natural length on the table's profile."""
    profile = table.profile.sha256 if table.profile else ""
    return [
        one
        for one in records.measurements
        if one.trimmed_length is not None
        and one.status == "ok"
        and one.request_ms
        and (one.profile.sha256, one.task_version) == (profile, table.task.version)
    ]


def _ways(table: Table, records: TaskRecords) -> list[str]:
    """Rows whose graph answers some requests the quick way: how many, and what both ways cost."""
    profile = table.profile.sha256 if table.profile else ""
    timed = {
        one.artifact_sha256: one
        for one in records.measurements
        if one.request_ms and one.profile.sha256 == profile
    }
    lines = [
        _way(row, timed[row["artifacts"][0]].request_ms)
        for row in table.rows
        if row["usable"]
        and row["by_request"]
        and row["latency_ms_p50"]
        and row["artifacts"][0] in timed
    ]
    if not lines:
        return []
    said = (
        "<p>Some rows answer a request the quick way where that suffices. Their speed-up and "
        "latency are those of the mean request; here are the two ways of the first seed, in "
        "nominal ms. The worst case is the slow way.</p>"
    )
    heads = ("Method", "Mean", "Quick way", "Requests", "Slow way", "Requests", "p99")
    return [said, html_table(heads, lines, "Requests of two costs")]


def _way(row: Row, request_ms: Sequence[float]) -> str:
    times = np.asarray(request_ms)
    times = times * row["latency_ms_p50"] / times.mean()
    slow = times > np.sqrt(times.min() * times.max())
    cells = [f"{figures.milliseconds(row['latency_ms_p50'])} ms"]
    for way in (times[~slow], times[slow]):
        middle = f"{figures.milliseconds(float(np.median(way)))} ms" if len(way) else "&ndash;"
        cells += [middle, figures.share(len(way) / len(times))]
    cells.append(f"{figures.milliseconds(float(np.quantile(times, 0.99)))} ms")
    return html_line(row_name(row), cells)


def _preprocessing(record: PreprocessingRecord) -> str:
    p50, p99 = np.quantile(record.request_ms, [0.5, 0.99])
    return (
        "<p>Making the model&rsquo;s inputs of one raw request costs every row the same: "
        f"<b>{figures.milliseconds(float(p50))} ms</b> median, "
        f"{figures.milliseconds(float(p99))} ms p99 over {len(record.request_ms):,} test requests "
        f"({text(record.library)}, one thread, {record.load_label} machine). It is in no "
        "row&rsquo;s latency.</p>"
    )


def _natural(record: MeasurementRecord) -> str:
    ratio = of_requests_alone(record.pairs, record.request_ms)
    low, high = (figures.significant(end, 3) for end in (ratio.low, ratio.high))
    ms = ""
    if record.environment.get("anchor_frozen", True):
        shown = nominal_ms(record.anchor_nominal_ms, ratio).value
        ms = f", {figures.milliseconds(shown)} ms nominal"
    load = "" if record.load_label == "quiet" else f", {record.load_label} machine"
    return (
        "<p>Natural length: the artifacts have a fixed length, so a short request costs what a "
        "full one does. The reference exported with a free length, on the same requests cut to "
        f"their own {record.trimmed_length:.1f} positions on average, is "
        f"<b>{figures.ratio(ratio.value)}</b> faster in the mean "
        f"({low}&ndash;{high}{ms}{load}).</p>"
    )
