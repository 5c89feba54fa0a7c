"""The site in a real Chromium, from disk: every interaction, console errors, other hosts."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_build import build

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is absent; apt-get install chromium", allow_module_level=True)

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TASK = "tasks/cifar10_resnet_slimming.html"
SHOTS = Path("/tmp/slimbench-screenshots")


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from board_demo import write_demo

    folder = tmp_path_factory.mktemp("browser")
    return build(write_demo(folder / "results"), folder)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, headless=True, args=list(FLAGS)
        )
        yield opened
        opened.close()


@pytest.fixture
def visit(context: Any) -> Iterator[Any]:
    """Opens a page from disk and fails on console errors and on requests to any host."""
    troubles: list[str] = []

    def go(folder: Path, path: str, width: int = 1280, **options: Any) -> Any:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        if options:
            page.emulate_media(**options)
        page.on("console", lambda m: m.type == "error" and troubles.append(m.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda r: r.url.startswith("http") and troubles.append(r.url))
        page.goto(f"file://{folder}/{path}")
        if path.startswith("tasks/") and "index" not in path:
            page.wait_for_selector("html[data-slimbench=ready]", timeout=10_000)
        return page

    yield go
    assert troubles == []


def shown_rows(page: Any) -> list[str]:
    return page.eval_on_selector_all(
        "tbody tr[data-r] th a", "links => links.map(a => a.textContent)"
    )


def copied(page: Any, button: str) -> str:
    page.click(f"button:text-is('{button}')")
    return str(page.evaluate("slimbench.copied"))


def test_a_task_page_starts_sorts_and_filters(public: Path, visit: Any) -> None:
    page = visit(public, TASK)
    assert len(shown_rows(page)) == 23
    page.click("th[data-key=macs] button")
    assert page.get_attribute("th[data-key=macs]", "aria-sort") == "ascending"
    assert shown_rows(page)[0] == "distilled_student"
    page.fill("[data-field=q]", "slimming 0.5")
    assert shown_rows(page) == ["network_slimming"]
    assert "q=slimming" in page.url


slow = pytest.mark.slow


@slow
def test_filters_by_family_limits_and_failure(public: Path, visit: Any) -> None:
    page = visit(public, TASK)
    page.select_option("[data-field=family]", "quantization")
    assert set(shown_rows(page)) == {"int8_static"}
    assert page.locator(".sb-figure:visible .sb-pt:visible").count() == 2
    page.select_option("[data-field=family]", "")
    page.select_option("[data-field=limits]", "met")
    met = len(shown_rows(page))
    page.select_option("[data-field=limits]", "may")
    assert 0 < met <= len(shown_rows(page)) < 23
    page.select_option("[data-field=limits]", "")
    page.select_option("[data-field=gone]", "hide")
    assert not {"relevance_pruning", "too_good"} & set(shown_rows(page))
    page.select_option("[data-field=verified]", "yes")
    assert shown_rows(page) == []
    page.click("text=Reset")
    assert len(shown_rows(page)) == 23


@slow
def test_the_address_carries_the_view(public: Path, visit: Any) -> None:
    page = visit(public, TASK)
    page.select_option("[data-field=family]", "pruning")
    page.click("th[data-key=speedup] button")
    page.click(".sb-bar button:text-is('MACs')")
    other = visit(public, TASK + "#" + page.url.partition("#")[2])
    assert shown_rows(other) == shown_rows(page)
    assert other.locator("figure:visible").get_attribute("data-figure") == "macs"
    assert other.input_value("[data-field=family]") == "pruning"


@slow
def test_the_hardware_switch_changes_the_table_and_the_figure(public: Path, visit: Any) -> None:
    page = visit(public, TASK)
    cell = "tr[data-r='0'] td:nth-child(5)"
    before = page.inner_text(cell)
    page.select_option("[data-field=profile]", "pi_5")
    assert page.inner_text(cell) != before
    assert page.inner_text(".sb-table caption").endswith("timed on pi_5")
    assert page.locator("figure:visible").get_attribute("data-figure") == "latency:pi_5"
    page.select_option("[data-field=profile]", "")
    assert page.inner_text(cell) == before


@slow
def test_hover_and_keyboard_show_a_point_and_open_its_row(public: Path, visit: Any) -> None:
    page = visit(public, TASK)
    point = page.locator("figure:visible .sb-pt").last
    point.hover()
    assert "MACs" in page.inner_text(".sb-tip")
    page.mouse.move(0, 0)
    assert not page.is_visible(".sb-tip")
    point.focus()
    assert page.is_visible(".sb-tip")
    page.keyboard.press("Escape")
    assert not page.is_visible(".sb-tip")
    page.keyboard.press("Enter")
    assert "Each seed" in page.inner_text(".sb-more")
    assert "slimbench run" in page.inner_text(".sb-more")
    page.click(".sb-more button:text-is('Close')")
    assert page.locator(".sb-more").count() == 0


@slow
def test_the_sliders_name_what_recommend_names(public: Path, visit: Any) -> None:
    from leaderboard import load, recommend

    rows = load(public.parent / "results").rows("cifar10_resnet_slimming")
    page = visit(public, TASK)
    answer = page.get_attribute("[data-answer]", "data-answer")
    assert answer == recommend(rows, {}).rows[0]["row_id"]
    known = [row["size_bytes"] for row in rows if row["usable"]]
    low, high = min(known), max(known)
    for step in (10, 35, 60, 90):
        page.locator("[data-plan=size]").fill(str(step))
        limit = low * (high / low) ** (step / 100) / 1e6
        expected = recommend(rows, {"max_size_mb": limit}).rows[0]["row_id"]
        assert page.get_attribute("[data-answer]", "data-answer") == expected
    assert "size=90" in page.url
    page.locator("[data-plan=size]").fill("0")
    page.locator("[data-plan=quality]").fill("100")
    assert "loosen" in page.inner_text(".sb-answer")


@slow
def test_two_rows_are_compared_with_mcnemars_test(public: Path, visit: Any) -> None:
    from leaderboard import load
    from leaderboard.predictions import example_scores
    from leaderboard.ties import mcnemar

    board = load(public.parent / "results")
    rows = [r for r in board.rows("cifar10_resnet_slimming") if r["usable"]]
    first, second = rows[2], rows[8]
    page = visit(public, f"{TASK}#?compare={first['row_id']},{second['row_id']}")
    page.wait_for_selector("[data-ready=yes]")
    scores = [
        example_scores(board.predictions_of(row["task"], row["keys"][0]), row["quality_seeds"][0])
        for row in (first, second)
    ]
    p = mcnemar(*scores)
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    assert shown in page.inner_text("#sb-compare")
    assert "McNemar" in page.inner_text("#sb-compare")
    page.click("#sb-compare button:text-is('Close')")
    assert page.inner_text("#sb-compare") == ""
    page.check("tr[data-r='0'] .sb-pick")
    assert "Pick a second row" in page.inner_text("#sb-compare")


@slow
def test_mcnemar_in_the_browser_is_that_in_python(public: Path, visit: Any) -> None:
    import numpy as np

    from leaderboard.ties import mcnemar

    page = visit(public, TASK)
    for first, second in ((0, 0), (1, 0), (8, 2), (60, 90), (400, 520), (3000, 3200)):
        a = np.array([True] * first + [False] * second, bool)
        p = page.evaluate(f"slimbench.mcnemar({first}, {second})")
        assert p == pytest.approx(mcnemar(a, ~a), rel=1e-8)


@slow
def test_scores_of_any_size_are_compared_in_the_browser_as_they_are(
    public: Path, visit: Any
) -> None:
    import numpy as np

    from leaderboard.pages.score_data import score_script

    random = np.random.default_rng(0)
    scores = [random.normal(center, 9.0, 500).astype(np.float16) for center in (0.5, 0.9)]
    for key, each in zip(("feed01", "feed02"), scores, strict=True):
        (public / "scores" / f"{key}.js").write_text(score_script(key, each))
    found = visit(public, TASK).evaluate("slimbench.pairedTest('feed01', 'feed02')")
    differences = scores[0].astype(float) - scores[1]
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    assert found["mean"] == pytest.approx(differences.mean(), rel=1e-6)
    assert found["low"] == pytest.approx(differences.mean() - 1.96 * error, rel=1e-6)
    assert not found["exact"]


@slow
def test_the_view_copies_as_csv_markdown_latex_and_bibtex(public: Path, visit: Any) -> None:
    page = visit(public, TASK)
    page.select_option("[data-field=family]", "quantization")
    csv = copied(page, "CSV").splitlines()
    assert csv[0].startswith("method,setting,seeds,quality")
    assert len(csv) == 3 and csv[1].startswith("int8_static,calibration 512,3,0.94")
    markdown = copied(page, "Markdown").splitlines()
    assert len(markdown) == 4 and markdown[2].startswith("| int8\\_static |")
    latex = copied(page, "LaTeX")
    assert "int8\\_static &" in latex and "\\%" in latex and latex.count("\\\\") == 3
    bibtex = copied(page, "BibTeX")
    assert "@misc{int8_static," in bibtex and "eprint = {1506.02626}" in bibtex


@slow
def test_the_figure_saves_as_svg_and_png(public: Path, visit: Any, tmp_path: Path) -> None:
    page = visit(public, TASK)
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.click(f"button:text-is('{kind}')")
        path = tmp_path / kind
        download.value.save_as(path)
        content = path.read_bytes()
        assert content.startswith(start) and len(content) > 5_000
    picture = (tmp_path / "SVG").read_text()
    assert "var(--" not in picture and 'fill="rgb' in picture


AXE = Path("/tmp/slimbench-axe")


def axe_source() -> str:
    """axe-core from npm, kept between runs; the test is skipped where npm cannot give it."""
    script = AXE / "node_modules/axe-core/axe.min.js"
    if not script.is_file():
        if shutil.which("npm") is None:
            pytest.skip("npm is absent, so axe-core cannot be had")
        AXE.mkdir(exist_ok=True)
        words = ["npm", "install", "--silent", "--no-audit", "--prefix", str(AXE), "axe-core@4"]
        if subprocess.run(words, check=False, timeout=120).returncode != 0:
            pytest.skip("npm could not fetch axe-core")
    return script.read_text()


@slow
@pytest.mark.parametrize(
    "path", ["index.html", TASK, "methods/network_slimming.html", "methods/index.html"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(public: Path, visit: Any, path: str, scheme: str) -> None:
    source = axe_source()
    page = visit(public, path, color_scheme=scheme)
    if path == TASK:
        page.click("tr[data-r='0'] summary")
    page.evaluate(source)
    found = page.evaluate(
        "axe.run(document.querySelector('article'), {preload: false, resultTypes: ['violations']})"
    )
    serious = [
        (one["id"], one["nodes"][0]["html"][:160], one["nodes"][0]["failureSummary"])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@slow
@pytest.mark.parametrize("path", ["index.html", TASK])
@pytest.mark.parametrize(("name", "width"), [("desktop", 1280), ("phone", 390)])
def test_pages_fit_their_width_and_leave_screenshots(
    public: Path, visit: Any, path: str, name: str, width: int
) -> None:
    page = visit(public, path, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{Path(path).stem}-{name}.png", full_page=True)


@slow
def test_a_page_works_without_javascript(public: Path, tmp_path: Path) -> None:
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"file://{public}/{TASK}")
        assert page.locator("tbody tr[data-r]").count() == 23
        assert page.is_visible("svg.sb-plot >> nth=0")
        page.click("tr[data-r='0'] summary")
        assert "slimbench run" in page.inner_text("tr[data-r='0'] code")
        browser.close()


@slow
def test_hostile_text_runs_nothing_in_the_browser(tmp_path: Path, visit: Any) -> None:
    from board_records import failed, method_block, run, task_block, write

    evil = "<img src=x onerror=window.hit=1></script><script>window.hit=1</script>\u202e"
    task = task_block("toy", title=evil)
    block = method_block(evil, family=evil, source=evil)
    write(
        tmp_path / "results",
        run(task=task, method_block=block, setting={evil: evil}, slices_test={evil: 0.4}),
        failed("other", cause=evil, task=task),
    )
    folder = build(tmp_path / "results", tmp_path)
    page = visit(folder, "tasks/toy.html")
    page.click("tr[data-r='0'] summary")
    page.locator("figure:visible .sb-pt").first.hover()
    page.check("tr[data-r='0'] .sb-pick")
    for path in ("index.html", "methods/index.html", "tasks/index.html"):
        other = visit(folder, path)
        assert other.evaluate("window.hit") is None
    assert page.evaluate("window.hit") is None
    assert "⟨U+202E⟩" in page.inner_text(".sb-more")
    assert "\u202e" not in page.inner_text("body")


@slow
def test_sparse_pages_start_without_errors(tmp_path: Path, visit: Any) -> None:
    from board_records import failed, run, task_block, write

    for name, record in (
        ("one", run(task=task_block("one"))),
        ("bare", run(task=task_block("bare", reference=None, limits=[]), counts=None)),
        ("broken", failed(task=task_block("broken"))),
        ("gone", run(task=task_block("gone"), verification="withdrawn")),
    ):
        write(tmp_path / "results", record)
        assert name
    folder = build(tmp_path / "results", tmp_path)
    for name in ("one", "bare", "broken", "gone"):
        page = visit(folder, f"tasks/{name}.html")
        assert page.locator("tbody tr[data-r]").count() == 1
        page.click("tr[data-r='0'] summary")
        assert page.locator(".sb-more").count() == 1


@slow
def test_two_thousand_rows_paint_in_a_second_and_filter_in_a_tenth(
    tmp_path: Path, visit: Any
) -> None:
    from make_many import write_many

    write_many(tmp_path / "results", 6000, rows_per_task=2000)
    folder = build(tmp_path / "results", tmp_path)
    page = visit(folder, "tasks/task_0.html")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    # Setting the filter and forcing the layout that shows it.
    filtering = """(word) => { const start = performance.now(); slimbench.set({q: word});
        document.body.offsetHeight; return performance.now() - start; }"""
    times = [page.evaluate(filtering, word) for word in ("method_1", "0.3", "", "pruning")]
    print(json.dumps({"first paint ms": paint, "filter ms": times}))
    assert paint < 1000
    assert sorted(times)[len(times) // 2] < 100


@slow
def test_a_page_of_200_rows_weighs_less_than_500_kb(tmp_path: Path, visit: Any) -> None:
    """Counted as a host with gzip sends it, and the page alone as it lies on disk."""
    import gzip
    import re

    from make_many import write_many

    write_many(tmp_path / "results", 600, rows_per_task=200)
    folder = build(tmp_path / "results", tmp_path)
    path = folder / "tasks/task_0.html"
    text = path.read_text()
    names = re.findall(r'(?:<script src|rel="stylesheet" href)="([^"]+)"', text)
    parts = [path, *((path.parent / name).resolve() for name in names)]
    sent = sum(len(gzip.compress(part.read_bytes(), 6)) for part in parts)
    print(json.dumps({"page bytes": len(text.encode()), "sent bytes": sent}))
    assert len(text.encode()) < 500_000
    assert sent < 500_000
    start = time.perf_counter()
    visit(folder, "tasks/task_0.html")
    assert time.perf_counter() - start < 10
