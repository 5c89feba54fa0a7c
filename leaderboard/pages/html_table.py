"""A table that scrolls sideways on a narrow screen and can be reached with the keyboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leaderboard.pages.safe import text


def html_table(heads: Sequence[str], lines: Iterable[str], label: str, kind: str = "") -> str:
    """A table of ready-made heads and `<tr>` lines; `label` is read out by screen readers."""
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        '<div class="sb-scroll" data-search-exclude tabindex="0" role="region" '
        f'aria-label="{text(label)}"><table class="sb-table {kind}"><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def html_line(head: str, cells: Iterable[str]) -> str:
    """A `<tr>` of such a table: what the line is about, and its cells, all ready-made."""
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
