"""Small networks trained from scratch, side by side: what compressing has to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from leaderboard.pages import figures
from leaderboard.pages.board_table import speed
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.safe import row_name, setting_text, text
from leaderboard.table import Table
from leaderboard.timing import over

Row = dict[str, Any]
FEWEST = 2
HEADS = (
    "Method",
    "Quality",
    "Parameters",
    "MACs",
    "Size",
    "Speed-up",
    "Training MACs",
    "CPU hours",
)


def small_networks_section(table: Table) -> list[str]:
    """The section's parts; none where fewer than two small networks were trained."""
    shown = [row for row in table.rows if row["usable"] and row["small_baseline"]]
    if len(shown) < FEWEST:
        return []
    return [
        "## Small networks trained from scratch",
        "<p>What compressing has to beat: networks of other kinds and sizes under the same "
        "training compute, means over seeds. CPU hours are those of one run, scoring "
        "included; other machines take other times.</p>",
        html_table(HEADS, map(_line, shown), "Small networks"),
        *_ratios(table),
    ]


def best_small(table: Table) -> list[Row]:
    """The timed small network of best quality of each method, best last."""
    able = [r for r in table.rows if r["usable"] and r["small_baseline"] and r["speedup"]]
    able.sort(key=lambda row: float(row["quality"]))
    best = {row["method"]: row for row in able}  # the last of a method stays
    return sorted(best.values(), key=lambda row: float(row["quality"]))


def over_text(row: Row, base: Row) -> str:
    """How many times faster than another row, with its 95% range where both have one."""
    found = over(row, base)
    if not math.isfinite(found.high):
        return figures.ratio(found.value)
    return figures.ratio_between(found.value, found.low, found.high)


def _ratios(table: Table) -> list[str]:
    """How much faster the front's rows are than the best small network of each method."""
    bases = best_small(table)
    front = [r for r in table.rows if r["pareto"] and r["speedup"] and not r["small_baseline"]]
    if not bases or not front:
        return []
    heads = ["Method", "Quality", "Over the reference"]
    heads += [f"Over {text(row['method'])}<br>{setting_text(row['setting'])}" for row in bases]
    lines = [_ratio_line(row, bases) for row in front]
    said = (
        "<p>The reference&rsquo;s weight is the task&rsquo;s choice, so here is what the rows of "
        "the Pareto front gain over the best small network of each kind.</p>"
    )
    return [said, html_table(heads, lines, "Speed-ups over the small networks")]


def _ratio_line(row: Row, bases: Sequence[Row]) -> str:
    cells = [
        figures.quality(row["quality"], row["unit"]),
        speed(row),
        *(over_text(row, base) for base in bases),
    ]
    return html_line(row_name(row), cells)


def _line(row: Row) -> str:
    cells = (
        figures.quality(row["quality"], row["unit"]),
        figures.count(row["params"]),
        figures.count(row["macs"]),
        figures.size(row["size_bytes"]),
        figures.ratio(row["speedup"]),
        figures.count(row["cost_train_macs"]),
        f"{row['cost_cpu_seconds'] / 3600:.2f}",
    )
    return html_line(row_name(row), cells)
