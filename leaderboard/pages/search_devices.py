"""Search against devices: fronts, published picks, and how rankings change between devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.record_search import SearchRecord
from leaderboard.board import SearchTable
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.safe import text
from leaderboard.search import attained
from leaderboard.search_published import Pick

Row = dict[str, Any]
Point = tuple[float, float, float]  # (cost, validation, test)
GRID = 60  # points of a curve
COUNTED = {"macs": "MACs", "params": "parameters"}


def label(row: Row | SearchRecord) -> str:
    """Method and setting, as a line of a picture is named."""
    method = row["method"] if isinstance(row, dict) else row.method.name
    setting = row["setting"] if isinstance(row, dict) else row.setting
    words = " ".join(
        value if isinstance(value, str) else f"{name} {str(value).lower()}"
        for name, value in setting.items()
    )
    return f"{method} {words}".strip()


def devices_section(
    found: SearchTable, rows: Sequence[Row], picks: Mapping[str, Sequence[Pick]]
) -> list[str]:
    """Hypervolumes, then one picture a case: medians of the methods beside the exact front."""
    if not rows or found.table is None:
        return []
    parts = [
        "## Against a device",
        "<p>Hypervolume of the answers in test quality and cost, as a share of the exact front's "
        "(reference point: quality 0 and the largest cost of the table; bold: the best, and those "
        "that a test over seeds cannot tell from it); then test quality of the "
        "best answer by validation within a cost limit, beside the exact best (limits at a "
        "quarter, a half and three quarters of the exact front's points).</p>",
        _hypervolumes(rows),
    ]
    for case in dict.fromkeys(row["case"] for row in rows):
        mine = [row for row in rows if row["case"] == case and row["seeds"]]
        front = found.table.fronts.get(case, [])
        if front and mine:
            parts.append(_case(found, mine, front, picks.get(case, ())))
    return parts


def _hypervolumes(rows: Sequence[Row]) -> str:
    methods = sorted({label(row) for row in rows})
    lines = []
    for case in dict.fromkeys(row["case"] for row in rows):
        mine = {label(row): row for row in rows if row["case"] == case}
        title = next(iter(mine.values()))["case_title"]
        lines.append(html_line(text(title), [_share(mine.get(name)) for name in methods]))
    return html_table(("Case", *map(text, methods)), lines, "Hypervolumes")


def _share(row: Row | None) -> str:
    """A hypervolume, bold in the group that nothing is shown to beat."""
    if row is None or row["hypervolume"] is None:
        return figures.UNKNOWN
    shown = f"{100 * row['hypervolume']:.2f}% <small>±{100 * row['hypervolume_std']:.2f}</small>"
    return f"<b>{shown}</b>" if row["tie_group"] == 1 else shown


def _case(
    found: SearchTable, rows: Sequence[Row], front: Sequence[Point], picks: Sequence[Pick]
) -> str:
    case = next(one.case for one in found.records if one.key == rows[0]["key"])
    costs, tests = np.array([(cost, test) for cost, _, test in front]).T
    grid = np.geomspace(costs.min(), costs.max(), GRID)
    series = [Series("exact front", costs, tests, step=True, exact=True)]
    for row in rows:
        middle = attained(found.traces[row["key"]], case.dataset, grid)
        series.append(Series(label(row), grid, middle, step=True))
    if picks:
        cost, test = np.array([(one.cost, one.test) for one in picks]).T
        series.append(Series("HELP's published picks", cost, test, points=True))
    names = ["exact front", *sorted({label(row) for row in found.rows if row["device"]})]
    plot = LinePlot(series, _axis(case.device or ""), "Test quality, %", names=names)
    return (
        f"<details><summary>{text(case.title)}</summary>"
        f'<figure class="sb-figure">{line_svg(plot)}<figcaption>Median over seeds of the best '
        f"answer within each cost, beside the exact front</figcaption></figure>"
        f"{_limits(rows)}{_picks(picks, front)}</details>"
    )


def _axis(device: str) -> str:
    """The device and its unit."""
    if device in COUNTED:
        return COUNTED[device]
    return f"{device}, {'mJ' if 'energy' in device else 'ms'}"


def _picks(picks: Sequence[Pick], front: Sequence[Point]) -> str:
    """HELP's published picks: whether each keeps its own limit, and the exact best within it."""
    if not picks:
        return ""
    lines = []
    for one in picks:
        best = max((test for cost, _, test in front if cost <= one.limit), default=None)
        kept = "yes" if one.cost <= one.limit else "<b>no</b>"
        shown = figures.quality(one.test, "fraction", 1), figures.quality(best, "fraction")
        lines.append(html_line(f"≤ {one.limit:g}", (f"{one.cost:.1f}", kept, *shown)))
    heads = ("Limit", "HELP's cost", "Within?", "HELP's test", "Exact best within")
    said = (
        f"<p>Published picks of HELP with 10 samples of the device ({text(picks[0].source)}).</p>"
    )
    return said + html_table(heads, lines, "HELP's published picks")


def _limits(rows: Sequence[Row]) -> str:
    limits = rows[0]["within_limits"]
    heads = ("Method", *(f"≤ {figures.significant(one['limit'], 3)}" for one in limits))
    lines = [
        html_line(text(label(row)), [_within(one, row["seeds"]) for one in row["within_limits"]])
        for row in rows
    ]
    exact = [figures.quality(one["exact"], "fraction") for one in limits]
    lines.append(html_line("exact best", exact))
    return html_table(heads, lines, "Best within a limit")


def _within(found: Row, seeds: int) -> str:
    """The mean over the seeds that found anything, and how many where not all did."""
    shown = figures.quality(found["test"], "fraction")
    met: int = found["met"]
    return shown if met == seeds else f"{shown} <small>{met} of {seeds} seeds</small>"


def correlations_section(found: SearchTable) -> list[str]:
    """Kendall's tau between the devices' costs over all architectures."""
    if found.table is None or len(found.table.devices) < 2:
        return []
    devices = [name.removeprefix("hwnas-") for name in found.table.devices]
    parts = ["## How rankings change from device to device"]
    for dataset, matrix in found.table.correlations.items():
        lines = [
            f'<tr><th scope="row">{text(name)}</th>'
            + "".join(
                f'<td class="sb-h{min(5, int(6 * (1 - tau)))}">{tau:.2f}</td>' for tau in line
            )
            + "</tr>"
            for name, line in zip(devices, matrix, strict=True)
        ]
        title = f"Kendall's tau of the devices' costs, {text(dataset)}"
        parts.append(
            f"<p>{title}</p>" + html_table(("", *map(text, devices)), lines, title, "sb-heat")
        )
    return parts
