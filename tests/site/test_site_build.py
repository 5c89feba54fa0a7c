from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest
from site_build import ROOT, build

from leaderboard.__main__ import main

pytest.importorskip("mkdocs", reason="the site extra is not installed")
MATERIAL = ("https://squidfunk.github.io/mkdocs-material/",)  # its link in the footer


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from board_demo import write_demo

    folder = tmp_path_factory.mktemp("site")
    return build(write_demo(folder / "results"), folder)


def test_the_site_builds_strictly_with_all_its_pages(public: Path) -> None:
    for name in (
        "index.html",
        "tasks/index.html",
        "tasks/cifar10_resnet_slimming.html",
        "methods/network_slimming.html",
        "profiles/desk_cpu.html",
        "protocol.html",
        "glossary.html",
        "submit.html",
        "reproduce.html",
        "api.html",
        "changelog.html",
        "board.json",
        "board.csv",
        "board.schema.json",
    ):
        assert (public / name).is_file(), name


def test_every_local_link_leads_to_a_file(public: Path) -> None:
    broken = []
    for path in public.rglob("*.html"):
        if path.name == "404.html":
            continue
        for link in re.findall(r'(?:href|src)="([^"#?]+)', path.read_text()):
            if not re.match(r"[a-z]+:", link) and not (path.parent / link).exists():
                broken.append(f"{path.relative_to(public)}: {link}")
    assert broken == []


def test_no_page_loads_anything_from_another_host(public: Path) -> None:
    for path in public.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(https?:[^"]+)"', path.read_text()
        )
        assert loaded == [], path
    for path in (public / "assets").rglob("board*"):
        if path.is_file():
            assert not re.search(r"url\(|https?://(?!www\.w3\.org)", path.read_text()), path


def test_our_javascript_is_small() -> None:
    own = b"".join(path.read_bytes() for path in sorted((ROOT / "site/assets").rglob("*.js")))
    assert len(gzip.compress(own, 9)) < 25_000


def test_all_javascript_of_a_page_is_under_150_kb(public: Path) -> None:
    page = public / "tasks/cifar10_resnet_slimming.html"
    scripts = re.findall(r'<script src="([^"]+)"', page.read_text())
    scripts += [
        str(path.relative_to(page.parent.parent))
        for path in public.glob("assets/javascripts/workers/*.js")
    ]
    sizes = [
        len(gzip.compress(path.read_bytes(), 9))
        for name in scripts
        for path in [(page.parent / name).resolve(), public / name]
        if path.is_file()
    ]
    assert len(sizes) >= 13
    assert sum(sizes) < 150_000


def test_the_page_reads_without_javascript(public: Path) -> None:
    page = (public / "tasks/cifar10_resnet_slimming.html").read_text()
    assert page.count("<tr data-r=") == 23
    assert page.count('class="sb-plot"') == 5
    assert "slimbench run cifar10_resnet_slimming" in page
    assert "Pareto front" in page


def test_the_hand_written_pages_hold_no_result(public: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "site"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert not [
        name for name in listed if re.search(r"site/(tasks|methods|profiles|board\.)", name)
    ]


def code_blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for path in sorted((ROOT / "site").glob("*.md")):
        for block in re.findall(rf"^ *```{language}\n(.*?)^ *```", path.read_text(), re.M | re.S):
            found.append((path.name, block))
    return [(name, block) for name, block in found if name not in GENERATED]


GENERATED = ("index.md", "changelog.md")


@pytest.mark.parametrize(("name", "block"), code_blocks("python"))
def test_python_shown_on_the_site_runs(name: str, block: str) -> None:
    subprocess.run([sys.executable, "-c", block], cwd=ROOT, check=True, timeout=60)


def test_the_check_shown_on_the_site_runs(public: Path) -> None:
    blocks = "".join(block for _, block in code_blocks("console"))
    assert "python -m leaderboard --check" in blocks
    folder = public.parent
    assert (
        main(["--results", str(folder / "results"), "--out", str(folder / "site"), "--check"]) == 0
    )
