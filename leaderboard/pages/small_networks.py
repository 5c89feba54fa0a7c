"""Small networks trained from scratch, side by side: what compressing has to beat."""

from __future__ import annotations

from typing import Any

from leaderboard.pages import figures
from leaderboard.pages.html_table import html_table
from leaderboard.pages.safe import row_name
from leaderboard.table import Table

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
    ]


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
    return f'<tr><th scope="row">{row_name(row)}</th>{"".join(f"<td>{c}</td>" for c in cells)}</tr>'
