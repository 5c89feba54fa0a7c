"""What a search method found on the tables of trained architectures, for its page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.record_row import MethodBlock
from leaderboard.board import SearchTable
from leaderboard.pages import figures
from leaderboard.pages.html_table import html_table
from leaderboard.pages.safe import setting_text, slug, text

Row = dict[str, Any]
HEADS = ("Case", "Setting", "n", "Tie", "Validation", "Test", "Regret", "Best found", "Front")


def names_of(searches: Iterable[SearchTable]) -> list[str]:
    """The methods with rows, sorted."""
    return sorted({row["method"] for found in searches for row in found.rows})


def block_of(searches: Iterable[SearchTable], name: str) -> MethodBlock:
    """The newest version of a method that searched."""
    blocks = [one.method for found in searches for one in found.records if one.method.name == name]
    return max(blocks, key=lambda block: block.version)


def search_sections(searches: Sequence[SearchTable], name: str) -> list[str]:
    """A section for each table that the method searched."""
    parts = []
    for found in searches:
        task = found.records[0].task
        mine = [row for row in found.rows if row["method"] == name]
        if mine:
            link = f'<p><a href="../tasks/{slug(task.name)}.html">All methods on this table</a></p>'
            parts += [f"## {text(task.title)}", html_table(HEADS, map(_line, mine), "Rows") + link]
    return parts


def _line(row: Row) -> str:
    case = f'<th scope="row">{text(row["case_title"])}</th><td>{setting_text(row["setting"])}</td>'
    if not row["seeds"]:
        cause = text(row["cause"] or "failed")
        return f'<tr class="sb-gone">{case}<td class="sb-cause" colspan="7">{cause}</td></tr>'
    cells = (
        str(row["seeds"]),
        str(row["tie_group"] or figures.UNKNOWN),
        figures.quality(row["validation"], "fraction"),
        figures.quality(row["test"], "fraction"),
        figures.UNKNOWN if row["regret"] is None else f"{100 * row['regret']:.2f}",
        figures.share(row["hit_share"]),
        figures.share(row["hypervolume"]),
    )
    return f"<tr>{case}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
