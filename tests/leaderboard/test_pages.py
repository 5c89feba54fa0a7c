from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from board_demo import write_demo
from board_records import (
    counts,
    failed,
    measured,
    method_block,
    run,
    task_block,
    write,
    write_scores,
)
from board_records import right_or_wrong as scores_of

from harness.record import RunRecord
from leaderboard import load
from leaderboard.headline import Headline
from leaderboard.pages import figures, sections
from leaderboard.pages.axes import axes_for, cost_ticks, quality_ticks
from leaderboard.pages.board_table import int8
from leaderboard.pages.plot import Plot, svg
from leaderboard.pages.safe import embedded_json, page, slug, text
from leaderboard.publish import publish
from leaderboard.published import curves_of
from leaderboard.timing import int8_instructions

HOSTILE = "<script>alert(1)</script>\u202ecod.exe\u2066"


def pages(folder: Path, *records: RunRecord) -> dict[str, str]:
    """Every Markdown page of a board, by path."""
    write(folder / "results", *records)
    publish(load(folder / "results"), folder / "site")
    found = (folder / "site").rglob("*.md")
    return {str(path.relative_to(folder / "site")): path.read_text() for path in found}


class Tags(HTMLParser):
    """Collects the tags and handlers of a page and whether every element is closed."""

    VOID = ("br", "meta", "input", "path", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.handlers: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.handlers |= {name for name, _ in attrs if name.startswith("on")}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_text_shows_what_acts_unseen() -> None:
    assert text("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#x27;"
    assert text("good\u202etxt.exe") == "good⟨U+202E⟩txt.exe"
    assert text("x\x00\u200by") == "x⟨U+0000⟩⟨U+200B⟩y"
    assert len(text("x" * 1000)) == 300


def test_embedded_json_cannot_end_its_script() -> None:
    dumped = embedded_json({"cause": "</script><script>alert(1)//"})
    assert "<" not in dumped and json.loads(dumped)["cause"].startswith("</script>")


def test_file_names_are_harmless_and_unique() -> None:
    assert slug("l1_filter_pruning") == "l1_filter_pruning"
    assert slug("../../etc/passwd") != slug("..-..-etc-passwd")
    assert re.fullmatch(r"[\w-]+", slug("../../etc/passwd"))
    assert slug("index") != "index"


def test_a_hostile_title_stays_inside_the_front_matter() -> None:
    assert page('x"\n---\n<b>', "").startswith('---\ntitle: "x&quot; --- &lt;b&gt;"\nhide:')


def test_hostile_names_causes_and_settings_are_escaped_on_every_page(tmp_path: Path) -> None:
    task = task_block("toy", title=HOSTILE)
    block = method_block(HOSTILE, family=HOSTILE, source="arXiv:1<script>\" onload='x'")
    setting = {HOSTILE: HOSTILE}
    found = pages(
        tmp_path,
        run(task=task, method_block=block, setting=setting, slices_test={HOSTILE: 0.5}),
        run("reference", task=task, slices_test={HOSTILE: 0.7}),
        failed(HOSTILE + "2", cause=HOSTILE, task=task),
    )
    assert len(found) >= 7
    for name, content in found.items():
        tags = Tags()
        tags.feed(content.partition("\n---\n")[2])
        assert not tags.handlers, name
        assert "\u202e" not in content and "\u2066" not in content, name
        assert "<script>" not in content, name
        assert tags.seen <= ALLOWED, (name, tags.seen - ALLOWED)


ALLOWED = {
    *("p", "b", "i", "a", "h1", "h2", "div", "span", "code", "small", "abbr", "ul", "li"),
    *("dl", "dt", "dd", "details", "summary", "figure", "figcaption", "script", "br"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "path", "circle", "text", "title"),
}


def test_every_element_of_a_full_page_is_closed(tmp_path: Path) -> None:
    write_demo(tmp_path / "results")
    publish(load(tmp_path / "results"), tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.md"):
        tags = Tags()
        tags.feed(path.read_text().partition("\n---\n")[2])
        assert not tags.open, path


@pytest.mark.parametrize(
    "records",
    [
        [],
        [run()],
        [run(task=task_block(reference=None, limits=[]), counts=None)],
        [failed()],
        [run(verification="withdrawn")],
        [run(), failed("other"), run("gone", verification="withdrawn")],
        [run(scale="full")],
    ],
    ids=["nothing", "one row", "bare", "failed", "withdrawn", "mixed", "full only"],
)
def test_a_sparse_board_still_has_all_its_pages(tmp_path: Path, records: list[RunRecord]) -> None:
    (tmp_path / "results").mkdir()
    found = pages(tmp_path, *records)
    assert {"index.md", "tasks/index.md", "methods/index.md", "profiles/index.md"} <= set(found)
    for one in records:
        assert f"methods/{one.method.name}.md" in found


def test_smoke_records_are_on_no_page(tmp_path: Path) -> None:
    found = pages(tmp_path, run("seen"), run("quick_try", scale="smoke"))
    assert "methods/seen.md" in found
    assert not any("quick_try" in content for content in found.values())


def test_each_row_carries_its_command_and_a_failed_one_its_cause(tmp_path: Path) -> None:
    found = pages(tmp_path, run(seed=4), failed("bad", cause="disk full"))["tasks/toy.md"]
    command = (
        "slimbench run toy pruning --settings &#x27;{&quot;sparsity&quot;: 0.5}&#x27; --seeds 4"
    )
    assert command in found
    assert "seed 0: disk full" in found
    assert "latency pending" in found


def test_a_page_of_200_rows_is_under_500_kb(tmp_path: Path) -> None:
    from make_many import write_many

    write_many(tmp_path / "results", 600, rows_per_task=200)
    publish(load(tmp_path / "results"), tmp_path / "site")
    (path,) = (tmp_path / "site" / "tasks").glob("task_0.md")
    assert path.read_text().count("<tr data-r=") == 200
    assert path.stat().st_size < 440_000  # the theme's own page adds about 20 kB


def test_the_picture_has_a_mark_for_every_row_and_a_whisker_for_every_interval(
    tmp_path: Path,
) -> None:
    one, two = run("one", 0.94), run("two", 0.93, counts=counts(macs=200))
    write_scores(write(tmp_path, one, two), one, scores_of(94))
    drawn = svg(Plot(load(tmp_path).rows("toy"), "macs"))
    assert drawn.count('class="sb-pt') == 2
    assert drawn.count("sb-whisker") == 1
    assert "one (sparsity 0.5): 94.00% at 500" in drawn


def test_a_row_far_below_the_reference_is_drawn_at_the_edge_and_says_where_it_is(
    tmp_path: Path,
) -> None:
    write(tmp_path, run("good", 0.94), run("bad", 0.2))
    drawn = svg(Plot(load(tmp_path).rows("toy"), "macs"))
    assert "h10l-5 7z" in drawn and "bad (sparsity 0.5): 20.00%" in drawn


def test_a_picture_without_points_is_a_sentence(tmp_path: Path) -> None:
    rows = load(write(tmp_path, run())).rows("toy")
    assert "No row has both values yet" in svg(Plot(rows, "latency_ms_p50"))


def test_costs_are_placed_on_a_logarithmic_axis() -> None:
    axes = axes_for([1.0, 100.0], [0.8, 0.9], None)
    assert axes.x(10.0) == pytest.approx((axes.x(1.0) + axes.x(100.0)) / 2, abs=0.2)
    assert axes.y(0.9) < axes.y(0.8)
    assert cost_ticks(0.9, 11) == [1, 2, 5, 10]
    assert quality_ticks(0.9, 0.95, 5) == pytest.approx([0.9, 0.91, 0.92, 0.93, 0.94, 0.95])


def test_one_point_alone_has_axes_around_it() -> None:
    axes = axes_for([5.0], [0.9], None)
    assert axes.cost_low < 5 < axes.cost_high and axes.quality_low < 0.9 < axes.quality_high


def test_published_numbers_carry_their_sources_and_follow_from_ratios() -> None:
    pruning, resnet = curves_of("cifar10_resnet_slimming")
    assert pruning.points[0].cost == pytest.approx(556.7e6 / 1.8)
    assert [point.quality for point in pruning.points][-1] == 0.8858
    assert resnet.points[0].cost == 97.4e6
    assert all(point.source for point in (*pruning.points, *resnet.points))
    assert curves_of("no_such_task") == []


def test_the_published_table_takes_our_best_row_that_needs_no_more_macs(tmp_path: Path) -> None:
    write_demo(tmp_path / "results")
    publish(load(tmp_path / "results"), tmp_path / "site")
    content = (tmp_path / "site/tasks/cifar10_resnet_slimming.md").read_text()
    section = content.partition("## Against published numbers")[2]
    assert section.count("<tr>") == 1 + 7
    assert "FPGM" in section and "chenyaofo" in section


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (figures.count(555_400_000), "555 M"),
        (figures.count(999_999), "1.00 M"),
        (figures.size(44_700_000), "44.7 MB"),
        (figures.size(950), "950 B"),
        (figures.ratio(3.256), "3.26\u00d7"),
        (figures.ratio(0.99999), "1.00\u00d7"),
        (figures.quality(0.9433, "fraction"), "94.33%"),
        (figures.quality(12.3456, "ms"), "12.35 ms"),
        (figures.half_width(0.93, 0.95, "fraction"), "±1.00"),
        (figures.bound("params", "at_most", 5e6, "fraction"), "params ≤ 5 M"),
        (figures.bound("retention", "at_least", 0.99, "fraction"), "retention ≥ 99.0%"),
        (figures.milliseconds(None), "\u2013"),
    ],
)
def test_numbers_read_as_people_write_them(shown: str, expected: str) -> None:
    assert shown == expected


def test_two_profiles_of_one_row_have_a_figure_each(tmp_path: Path) -> None:
    from board_records import profile_block

    one = run()
    write(tmp_path / "results", one, measured(one), measured(one, profile=profile_block("phone")))
    publish(load(tmp_path / "results"), tmp_path / "site")
    content = (tmp_path / "site/tasks/toy.md").read_text()
    assert 'data-figure="latency:desk_cpu"' in content
    assert 'data-figure="latency:phone"' in content
    assert (tmp_path / "site/profiles/phone.md").is_file()


def test_further_figures_have_a_table_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "results", run(figures_test={"HR@10": 0.0907, "items shown": 8306.0}))
    publish(load(tmp_path / "results"), tmp_path / "site")
    page = (tmp_path / "site/tasks/toy.md").read_text()
    assert "## Further figures" in page
    assert "<td>0.09070</td><td>8,306</td>" in page


def test_a_figure_shows_what_examples_and_seeds_leave_open(tmp_path: Path) -> None:
    runs = [
        run(seed=seed, figures_test={"AUROC": value}, figures_error_test={"AUROC": 0.004})
        for seed, value in enumerate((0.90, 0.92))
    ]
    write(tmp_path / "results", *runs)
    publish(load(tmp_path / "results"), tmp_path / "site")
    error = (0.004**2 + 0.01**2) ** 0.5  # two seeds .02 apart: .01 on their mean
    (row,) = load(tmp_path / "results").rows("toy")
    assert row["figures_error"]["AUROC"] == pytest.approx(error)
    page = (tmp_path / "site/tasks/toy.md").read_text()
    assert "<td>0.9100 <small>&plusmn;0.021</small></td>" in page


def test_a_speedup_that_may_be_none_is_not_called_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    summary = SimpleNamespace(speed="time", headlines={})
    table: Any = SimpleNamespace(summary=summary, rows=[])
    row = {"method": "static_int8", "setting": {}, "settled": True, "speedup": None}
    monkeypatch.setattr(sections, "row_of", lambda table, name: row)
    for low, words in ((0.98, "Nothing that keeps at least 99% of the quality is clearly faster"),
                       (1.01, "is <b>1.02\u00d7 (1.01&ndash;1.03) faster</b>")):  # fmt: skip
        found = Headline("a", 1.02, low, 1.03, 1.0, 0.995, "met")
        monkeypatch.setattr(sections, "best_headline", lambda table, one=found: ("0.99", one))
        assert words in sections.takeaway(table)
    row["settled"] = False
    assert "1.03) <abbr" in sections.takeaway(table)


def test_rows_of_an_old_version_stand_back(tmp_path: Path) -> None:
    versions = [run(method_block=method_block("cut", version=each)) for each in (1, 2)]
    write(tmp_path / "results", *versions)
    publish(load(tmp_path / "results"), tmp_path / "site")
    page = (tmp_path / "site/tasks/toy.md").read_text()
    assert page.count("sb-old") == page.count(">superseded<") == 1


def test_a_row_says_how_much_of_it_is_int8_and_on_which_instructions() -> None:
    row = {"macs": 200, "macs_int8": 200, "instructions": "avx512_vnni"}
    assert int8(row) == "INT8 on avx512_vnni"
    assert int8(row | {"macs_int8": 50, "instructions": None}) == "INT8 25%"
    assert int8(row | {"macs_int8": None}) == "" == int8(row | {"macs_int8": 0})


def test_the_instruction_sets_for_int8_are_those_of_the_machine_that_timed() -> None:
    flags = {"flags": ["avx2", "avx512_vnni", "avx_vnni", "fma"]}
    assert int8_instructions(measured(run(), environment=flags)) == "avx512_vnni, avx_vnni"
    assert int8_instructions(measured(run())) is None
