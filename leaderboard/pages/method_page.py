"""A method's page: what it is, its curve and its rows on every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaderboard.board import SearchTable
from leaderboard.pages import figures
from leaderboard.pages.board_table import LIMIT_MARKS, made_by, speed
from leaderboard.pages.history import card_section, history_list
from leaderboard.pages.html_table import html_line, html_table
from leaderboard.pages.plot import Plot, svg
from leaderboard.pages.safe import page, setting_text, text
from leaderboard.pages.search_method import block_of, search_sections
from leaderboard.pages.sections import headline_ratio
from leaderboard.pages.task_page import limit_lines, page_name
from leaderboard.summary import RETENTIONS
from leaderboard.table import Table, main_axis

Row = dict[str, Any]
HEADS = ("Setting", "Quality", "Kept", "Speed-up", "MACs", "Size", "n", "Limits")


def method_page(name: str, tables: Sequence[Table], searches: Sequence[SearchTable] = ()) -> str:
    """The Markdown page of a method from the tables of the tasks on which it has rows."""
    parts = [_about(tables, name) if tables else _about_search(searches, name)]
    parts += filter(None, [card_section([row for one in tables for row in rows_of(one, name)])])
    for table in tables:
        parts += [f"## {_heading(table)}", _on_task(table, name)]
    parts += search_sections(searches, name)
    return page(name, "\n\n".join(parts))


def rows_of(table: Table, name: str) -> list[Row]:
    """The rows of one method, in the table's order."""
    return [row for row in table.rows if row["method"] == name]


def _heading(table: Table) -> str:
    title = text(table.task.title).replace("[", "&#91;").replace("*", "&#42;").replace("_", "&#95;")
    return title if table.scale == "standard" else f"{title}, {table.scale} scale"


def _about(tables: Sequence[Table], name: str) -> str:
    row = max(
        (row for table in tables for row in rows_of(table, name)), key=lambda r: r["method_version"]
    )
    small = "; a small baseline that every plot carries" if row["small_baseline"] else ""
    return (
        f"<p>Family <b>{text(row['family'])}</b>, version {row['method_version']}{small}. "
        f"Source: {_source(row['source'])}.</p>"
    )


def _about_search(searches: Sequence[SearchTable], name: str) -> str:
    block = block_of(searches, name)
    return (
        f"<p>Family <b>{text(block.family)}</b>, version {block.version}. "
        f"Source: {_source(block.source)}.</p>"
    )


def _source(source: str) -> str:
    """A link where the source is an arXiv number or a DOI, else its text."""
    for prefix, address in (("arXiv:", "https://arxiv.org/abs/"), ("doi:", "https://doi.org/")):
        if source.startswith(prefix):
            number = source.removeprefix(prefix).split()[0].rstrip(",.;")
            return f'<a href="{address}{text(number)}" rel="noopener">{text(source)}</a>'
    return text(source)


def _on_task(table: Table, name: str) -> str:
    rows = rows_of(table, name)
    limit = str(RETENTIONS[0])
    found = table.summary.headlines.get((name, limit))
    what = "fewer MACs" if table.summary.speed == "macs" else "faster"
    said = ""
    if found is not None:
        ratio = headline_ratio(table, found)
        said = f"<p>At {RETENTIONS[0]:.0%} of the reference: {ratio} {what}.</p>"
    link = f"../tasks/{page_name(table.task.name, table.scale)}.html"
    plot = Plot(rows, main_axis(table.rows), limit_lines(table), front=False)
    table_of_rows = html_table(HEADS, map(_line, rows), f"Rows on {table.task.title}")
    return (
        f'{said}<figure class="sb-figure">{svg(plot)}</figure>'
        f"{table_of_rows}"
        f'<p><a href="{link}">All methods on this task</a></p>'
    )


def _line(row: Row) -> str:
    name = setting_text(row["setting"])
    old = f" (version {row['method_version']})" if row["superseded"] else ""
    command = (
        f"<details><summary>{name}{old}</summary><code>{text(row['reproduce'])}</code>"
        f" <small>{made_by(row)}</small>{history_list(row)}</details>"
    )
    if not row["seeds"]:
        cause = text(row["cause"] or row["status"])
        return (
            f'<tr class="sb-gone"><th scope="row">{command}</th>'
            f'<td class="sb-cause" colspan="{len(HEADS) - 1}">{cause}</td></tr>'
        )
    cells = (
        figures.quality(row["quality"], row["unit"]),
        figures.share(row["retention"]),
        speed(row),
        figures.count(row["macs"]),
        figures.size(row["size_bytes"]),
        str(len(row["seeds"])),
        LIMIT_MARKS.get(row["limits_met"] or "", figures.UNKNOWN),
    )
    return html_line(command, cells)
