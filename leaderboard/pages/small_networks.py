"""Small networks trained from scratch, side by side: what compressing has to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from leaderboard.pages import figures
from leaderboard.pages.board_table import speed
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.safe import row_name, setting_text, text
from leaderboard.rows import goodness
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


def small_to_beat(table: Table, row: Row) -> tuple[Row | None, bool]:
    """The fastest small network as good as a row, and True; else the best one, and False."""
    timed = _timed(table)
    as_good = [one for one in timed if goodness(one) >= goodness(row)]
    if as_good:
        return max(as_good, key=lambda one: float(one["speedup"])), True
    return max(timed, key=goodness, default=None), False


def _timed(table: Table) -> list[Row]:
    return [r for r in table.rows if r["usable"] and r["small_baseline"] and r["speedup"]]


def _best_of_each(table: Table) -> list[Row]:
    """The timed small network of best quality of each method, best last."""
    best = {row["method"]: row for row in sorted(_timed(table), key=goodness)}  # the last stays
    return sorted(best.values(), key=goodness)


def over_text(row: Row, base: Row) -> str:
    """How many times faster than another row, with its 95% range where both have one."""
    found = over(row, base)
    if not math.isfinite(found.high):
        return figures.ratio(found.value)
    return figures.ratio_between(found.value, found.low, found.high)


def _ratios(table: Table) -> list[str]:
    """How much faster each row is than the best small network of each method."""
    bases = _best_of_each(table)
    shown = [r for r in table.rows if r["usable"] and r["speedup"] and not r["small_baseline"]]
    if not bases or not shown:
        return []
    heads = ["Method", "Quality", "Over the reference"]
    heads += [f"Over {text(row['method'])}<br>{setting_text(row['setting'])}" for row in bases]
    lines = [_ratio_line(row, bases) for row in shown]
    said = (
        "<p>The reference&rsquo;s weight is the task&rsquo;s choice, so here is what every row "
        "gains over the best small network of each kind.</p>"
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
