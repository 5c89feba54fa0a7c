"""The page of a table task says what the rows say, and hostile words stay words."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from search_records import (
    CELL,
    case_block,
    failed_seed,
    lines,
    searched,
    table_record,
    write,
)

from leaderboard import load
from leaderboard.pages.cell_picture import cell_svg
from leaderboard.pages.line_plot import LinePlot, Series, line_svg
from leaderboard.pages.search_devices import devices_section
from leaderboard.pages.search_page import MOST_LINES, drawn, search_page
from leaderboard.search_published import Pick, published_of, published_picks

GOOD = [lines(seed, [(1, 0), (3 + seed, 2)], [2]) for seed in range(3)]
FRONT = [lines(seed, [(1, 1), (2, 3)], [1, 3]) for seed in range(3)]
PHONE = case_block("phone", device="phone")


def page_of(folder: Path, *found, table=None) -> str:
    return search_page(load(write(folder, *found, table=table)).search("toys"))


def test_a_page_has_the_queries_the_table_and_the_winning_cell(tmp_path: Path) -> None:
    page = page_of(tmp_path, searched("finder", case_block(), GOOD, setting={"width": 3}))
    assert "<b>finder width 3</b> after 4" in page
    assert "4 / 5 <small>100% within 10, regret 10.00</small>" in page
    assert "80.00% <small>±0.00</small>" in page
    assert "answer of 3 of 3 seeds of finder width 3, number 2, the best by validation" in page
    assert page.count("<svg") == 5  # regret and quality against queries and seconds; cell
    assert "against queries" in page and "against simulated seconds (an estimate)" in page


def test_the_device_section_has_fronts_limits_picks_and_rank_correlations(tmp_path: Path) -> None:
    write(tmp_path, searched("m", PHONE, FRONT), table=table_record())
    found = load(tmp_path).search("toys")
    picks = {"phone": [Pick(2.0, 1.9, 0.5, "a paper"), Pick(3.0, 3.5, 0.95, "a paper")]}
    shown = "".join(devices_section(found, found.rows, picks))
    assert "<b>93.75% <small>±0.00</small></b>" in shown
    assert shown.count("m-5 -5l10 10") == 2
    assert re.findall(r"<td>(yes|<b>no</b>)</td>", shown) == ["yes", "<b>no</b>"]
    assert "exact front" in shown and "a paper" in shown
    assert '<td class="sb-h3">0.40</td>' in search_page(found)


def test_seeds_that_mostly_answer_the_best_by_test_are_suspected(tmp_path: Path) -> None:
    honest, leak = ([lines(seed, [(1, one)], [one]) for seed in range(3)] for one in (2, 3))
    found = searched("honest", case_block(), honest), searched("sees", case_block(), leak)
    page = page_of(tmp_path, *found)
    assert re.findall(r'">(\w+)</a> <small>[^<]*</small> <span class="sb-badge">leak', page) == [
        "sees"
    ]


def test_a_failed_search_shows_its_cause(tmp_path: Path) -> None:
    bad = searched("bad", case_block(), [], failures=[failed_seed(0, "ValueError: <oops>")])
    page = page_of(tmp_path, searched("good", case_block(), GOOD), bad)
    assert "ValueError: &lt;oops&gt;" in page
    assert "<oops>" not in page


def test_hostile_words_are_escaped(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    setting = {"words": evil}
    case = case_block("phone", device="phone", title=evil)
    found = (
        searched("a", case_block(title=evil), GOOD, setting=setting),
        searched("b", case, FRONT, setting=setting),
    )
    assert "<script" not in page_of(tmp_path, *found, table=table_record())


def test_the_whole_site_is_written_for_a_board_of_searches_alone(tmp_path: Path) -> None:
    from leaderboard.publish import derived_files

    write(tmp_path, searched("m", case_block(), GOOD), table=table_record())
    written = {name: "".join(parts) for name, parts in derived_files(load(tmp_path))}
    assert any(name.startswith("tasks/toys") and name.endswith(".md") for name in written)
    assert "Toy cells" in written["tasks/index.md"]
    assert '<a href="m.html">m</a>' in written["methods/index.md"]
    assert "80.00%" in written["methods/m.md"] and "../tasks/toys.html" in written["methods/m.md"]
    assert '<a href="../methods/m.html">m</a>' in written["tasks/toys.md"]


def test_a_cell_is_drawn_without_its_dead_edges() -> None:
    picture = ElementTree.fromstring(cell_svg(CELL))
    assert len([one for one in picture if one.tag == "path"]) == 4
    assert len([one for one in picture if one.tag == "circle"]) == 4
    assert cell_svg("(0, 1)") == "<code>(0, 1)</code>"


def test_a_plot_without_values_is_a_sentence_and_one_value_is_drawn() -> None:
    nothing = Series("a", np.array([1.0]), np.array([np.nan]))
    assert "No curve yet" in line_svg(LinePlot([nothing], "x", "y"))
    one = Series("a", np.array([1.0]), np.array([0.5]))
    ElementTree.fromstring(line_svg(LinePlot([one], "x", "y")).split("<ul")[0])


def test_published_results_carry_a_source() -> None:
    for one in published_of("cell_search"):
        assert one.source
        assert set(one.test) == {"cifar10", "cifar100", "imagenet16_120"}
    picks = published_picks("cell_search")
    assert [one.cost > one.limit for one in picks["cifar100_fpga-latency"]] == [False, False, True]
    assert published_of("no_such_task") == []


def test_what_all_are_shown_against_is_in_every_picture() -> None:
    names = [f"m{number}" for number in range(12)] + ["local_search", "random_search"]
    rows = [{"method": name, "seeds": 3, "key": name} for name in (*names, "random_search")]
    found = [row["method"] for row in drawn(rows)]
    assert found == [*names[:MOST_LINES], "local_search", "random_search"]
    failed = [{"method": "local_search", "seeds": 0}]
    assert drawn(failed) == []
