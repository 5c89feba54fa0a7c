"""What each part of a reference costs as its data grow: a table of all sizes, and the curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harness.record_studies import ComplexityRecord, PointBlock
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
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
        parts += [_table(points, record.steps), _plot(points)]
    return parts


def exponent(costs: Mapping[int, float]) -> float | None:
    """b of cost ~ size^b by least squares on the largest sizes; None with fewer than two."""
    last = sorted(costs.items())[-FITTED:]
    if len(last) < 2:
        return None
    size, cost = np.log(np.array(last, float)).T
    return float(np.polyfit(size, cost, 1)[0])


def _words(record: ComplexityRecord) -> str:
    return (
        "<p>The reference&rsquo;s parts, each computed alone by torch on one thread of the "
        f"machine that made the record ({record.load_label}), on generated data of every size: "
        f"one training step ({record.steps:,} make an epoch), and one request. Small figures are "
        "MACs, without gathering along edges. The exponent b of cost &sim; size<sup>b</sup> is "
        "fitted to the three largest sizes.</p>"
    )


def _by_part(points: Sequence[PointBlock]) -> dict[tuple[str, str], list[PointBlock]]:
    """The points of each phase and part, by rising size."""
    found: dict[tuple[str, str], list[PointBlock]] = {}
    for one in sorted(points, key=lambda one: one.size):
        found.setdefault((one.phase, one.part), []).append(one)
    return found


def _table(points: Sequence[PointBlock], steps: int) -> str:
    """One line a part: the exponent, time and MACs at every size; then an epoch, and memory."""
    sizes = sorted({one.size for one in points})
    lines = []
    for (phase, part), mine in _by_part(points).items():
        times = {one.size: max(one.ms, FASTEST_MS) for one in mine}
        lines.append(_line(f"{text(phase)}: {text(part)}", times, map(_cell, mine)))
    training = [one for one in points if one.phase == "training"]
    if training:
        epochs = {n: steps * sum(one.ms for one in training if one.size == n) / 1000 for n in sizes}
        seconds = (f"{figures.significant(each, 3)} s" for each in epochs.values())
        lines.append(_line(f"training: an epoch of {steps:,} steps", epochs, seconds))
    peaks = {n: max(one.peak_bytes for one in points if one.size == n) for n in sizes}
    memory = map(figures.size, peaks.values())
    lines.append(_line("memory of the process that computed all parts", peaks, memory))
    heads = ["Part", "Exponent b", *(f"{size:,} {text(points[0].varied)}" for size in sizes)]
    return html_table(heads, lines, f"Cost against {text(points[0].varied)}")


def _cell(point: PointBlock) -> str:
    macs = f" <small>{figures.significant(point.macs / 1e6, 3)} M</small>" if point.macs else ""
    return f"{figures.milliseconds(point.ms)} ms{macs}"


def _line(name: str, costs: Mapping[int, float], cells: Iterable[str]) -> str:
    fitted = exponent(costs)
    power = figures.UNKNOWN if fitted is None else f"{fitted:.2f}".replace("-0.00", "0.00")
    return html_line(name, [power, *cells])


def _plot(points: Sequence[PointBlock]) -> str:
    series = []
    for (phase, part), mine in _by_part(points).items():
        x = np.array([float(one.size) for one in mine])
        series.append(Series(f"{phase}: {part}", x, np.array([one.ms for one in mine])))
    varied = points[0].varied
    plot = LinePlot(series, varied, "milliseconds", floor=FASTEST_MS, percent=False)
    return f'<figure class="sb-figure">{line_svg(plot)}</figure>'
