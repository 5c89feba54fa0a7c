"""What each part of a reference costs as its data grow: a table at today's size, and the curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.record_studies import ComplexityRecord, PointBlock
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_table
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.safe import text

FITTED = 3  # the largest sizes, to which the exponent is fitted
FASTEST_MS = 1e-3


def complexity_section(records: Sequence[ComplexityRecord], version: int) -> list[str]:
    """The section's parts for the newest record of a task's version; none without one."""
    known = [one for one in records if one.task_version == version]
    if not known:
        return []
    record = max(known, key=lambda one: one.created)
    parts = ["## As the data grow", _words(record)]
    for varied in dict.fromkeys(one.varied for one in record.points):
        points = [one for one in record.points if one.varied == varied]
        parts += [_table(points), _plot(points)]
    return parts


def exponent(points: Sequence[PointBlock]) -> float | None:
    """b of time ~ size^b by least squares on the largest sizes; None with fewer than two."""
    last = sorted(points, key=lambda one: one.size)[-FITTED:]
    if len(last) < 2:
        return None
    x = np.log([one.size for one in last])
    y = np.log([max(one.ms, FASTEST_MS) for one in last])
    return float(np.polyfit(x, y, 1)[0])


def _words(record: ComplexityRecord) -> str:
    return (
        "<p>The reference&rsquo;s parts, each computed alone by torch on one thread of the "
        f"machine that made the record ({record.load_label}), on generated data of every size: "
        f"one training step forward and backward ({record.steps:,} make an epoch), and one "
        "request. The exponent b of time &sim; size<sup>b</sup> is fitted to the three largest "
        "sizes. Multiplications are counted without gathering along edges.</p>"
    )


def _by_part(points: Sequence[PointBlock]) -> dict[tuple[str, str], list[PointBlock]]:
    """The points of each phase and part, by rising size."""
    found: dict[tuple[str, str], list[PointBlock]] = {}
    for one in sorted(points, key=lambda one: one.size):
        found.setdefault((one.phase, one.part), []).append(one)
    return found


def _table(points: Sequence[PointBlock]) -> str:
    """One line a part: time at the smallest and the largest size, MACs there, and the exponent."""
    lines = []
    for (phase, part), mine in _by_part(points).items():
        fitted = exponent(mine)
        cells = [
            *(f"{figures.milliseconds(one.ms)} ms" for one in (mine[0], mine[-1])),
            figures.significant(mine[-1].macs / 1e6, 3),
            figures.UNKNOWN if fitted is None else f"{fitted:.2f}".replace("-0.00", "0.00"),
        ]
        shown = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{text(phase)}: {text(part)}</th>{shown}</tr>')
    sizes = sorted({one.size for one in points})
    varied = text(points[0].varied)
    heads = ["Part", f"{sizes[0]:,} {varied}", f"{sizes[-1]:,} {varied}"]
    heads += [f"M MACs at {sizes[-1]:,}", "Exponent b"]
    memory = max(points, key=lambda one: one.size).peak_bytes
    words = (
        f"<p>With {sizes[-1]:,} {varied} the process that computed all parts took "
        f"{figures.size(memory)} of memory.</p>"
    )
    return html_table(heads, ["".join(lines)], f"Cost against {varied}") + words


def _plot(points: Sequence[PointBlock]) -> str:
    series = []
    for (phase, part), mine in _by_part(points).items():
        x = np.array([float(one.size) for one in mine])
        series.append(Series(f"{phase}: {part}", x, np.array([one.ms for one in mine])))
    varied = points[0].varied
    plot = LinePlot(series, varied, "milliseconds", floor=FASTEST_MS, percent=False)
    return f'<figure class="sb-figure">{line_svg(plot)}</figure>'
