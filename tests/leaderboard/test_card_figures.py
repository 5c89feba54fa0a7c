"""Every row of a card's result tables is a row of its board: no figure is typed that no record has.

Each cell is compared as it is printed, to half of its last digit, and all cells of one line must
fit one row of the board (on one profile, superseded rows apart).
"""

import re
from functools import cache

import pytest

import leaderboard
from harness.commands.report import PUBLISHED
from harness.registry import ROOT

# What stands in a column: the row's field, and the size of one of the column's units.
COLUMNS = {
    "accuracy": ("quality", {"%": 0.01}),
    "average precision": ("quality", {"": 1.0}),
    "NDCG@10": ("quality", {"": 1.0}),
    "validation": ("quality_validation", {"": 1.0}),
    "kept": ("retention", {"%": 0.01}),
    "MACs": ("macs", {" M": 1e6}),
    "parameters": ("params", {" M": 1e6}),
    "file": ("size_bytes", {" MB": 1e6, " kB": 1e3}),
    "paired speed-up": ("speedup", {"x": 1.0, "": 1.0}),
}
FIGURE = re.compile(r"([\d,]*\.?\d+)(%| M| MB| kB|x)?")
CARDS = sorted(path.parent.name for path in ROOT.glob("tasks/*/README.md"))


def tables(task: str) -> list[tuple[str, dict[str, list[str]]]]:
    """(label, figures by column) of each line of the card's tables that have columns above.

    A cell with several figures, `.286, .179, .048`, is as many lines.
    """
    found, header = [], []
    for line in (ROOT / "tasks" / task / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells or not header:
            header = cells
            continue
        known = {
            name: cell.split(", ")
            for name, cell in zip(header, cells, strict=True)
            if name in COLUMNS and cell and not cell.startswith("-")
        }
        for place in range(max(map(len, known.values()), default=0)):
            found.append((cells[0], {name: words[place] for name, words in known.items()}))
    return found


@cache
def rows(task: str) -> list[dict]:
    board = leaderboard.load([PUBLISHED])
    if task not in board.tasks("standard"):
        return []
    return [r for one in board.profiles(task) for r in board.rows(task, "standard", one.name)]


def fits(row: dict, figures: dict[str, str]) -> bool:
    """Does each printed figure round from the row's own?"""
    for column, printed in figures.items():
        field, units = COLUMNS[column]
        match = FIGURE.fullmatch(printed.partition(" in the mean")[0].partition(" on the Xeon")[0])
        assert match, f"the cell '{printed}' below '{column}' is no figure that this test reads"
        digits, unit = match[1].replace(",", ""), units[match[2] or ""]
        last = 10.0 ** -len(digits.partition(".")[2])
        if (
            row["superseded"]
            or row[field] is None
            or abs(row[field] / unit - float(digits)) > 0.501 * last
        ):
            return False
    return True


@pytest.mark.parametrize("task", CARDS)
def test_the_lines_of_a_card_s_tables_are_rows_of_the_board(task):
    for label, figures in tables(task):
        assert any(fits(row, figures) for row in rows(task)), (
            f"{task}: no row of the board has {figures}, printed for '{label}'"
        )


def test_the_cards_have_such_tables():
    assert sum(len(tables(task)) for task in CARDS) > 30


def test_a_figure_that_is_off_by_one_digit_is_found():
    (label, figures), *_ = tables("sst2_bert_compression")
    (row,) = [r for r in rows("sst2_bert_compression") if fits(r, figures)]
    off = f"{row['speedup'] + 0.02:.2f}x"
    assert label and not fits(row, figures | {"paired speed-up": off})
