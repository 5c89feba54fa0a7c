"""Statuses and cards on the board: dated, never lost, untrusted text shown as text."""

from __future__ import annotations

from pathlib import Path

import pytest
from board_records import run, write

from harness.record import merge_into, read_records
from harness.record_submission import CardRecord, ClaimBlock, StatusRecord
from leaderboard import load
from leaderboard.pages.safe import text
from leaderboard.publish import publish

HOSTILE = "<script>alert(1)</script>\u202eexe.txt p\u0430ypal"


def status(of, word: str, day: int, why: str = "checked") -> StatusRecord:
    claims = [
        ClaimBlock(name="quality", claimed=0.95, recomputed=0.94, verdict="accepted", why="near")
    ]
    return StatusRecord(
        task=of.task.name,
        method=of.method.name,
        key=of.key,
        status=word,
        why=why,
        claims=claims if word == "verified" else [],
        created=f"2026-11-{day:02}T10:00:00+00:00",
    )


def card(of, name: str = "Pruning", tries: int = 40) -> CardRecord:
    return CardRecord(
        task=of.task.name,
        method=of.method.name,
        name=name,
        authors=[name],
        licence="MIT",
        paper=name,
        code_url="https://example.org",
        description=name,
        hardware=name,
        training_data=name,
        tries=tries,
        created="2026-11-20T10:00:00+00:00",
    )


def folder_with(tmp_path: Path, *records) -> Path:
    one = run()
    write(tmp_path / "results", one)
    path = tmp_path / "results" / "toy" / "pruning.standard.jsonl"
    merge_into(path, [make(one) for make in records])
    return tmp_path / "results"


def test_the_latest_status_counts_and_all_stay_in_the_history(tmp_path):
    results = folder_with(
        tmp_path,
        lambda one: status(one, "flagged", 22, "seeds differ"),
        lambda one: status(one, "verified", 21),
        lambda one: status(one, "reproduced", 23),
    )
    (row,) = load(results).rows("toy")
    assert (row["verification"], row["usable"]) == ("reproduced", True)
    assert [one["status"] for one in row["history"]] == ["verified", "flagged", "reproduced"]
    assert row["history"][0]["claims"][0]["recomputed"] == 0.94


@pytest.mark.parametrize("word", ["flagged", "withdrawn"])
def test_a_flagged_or_withdrawn_row_stays_and_is_not_ranked(tmp_path, word):
    results = folder_with(tmp_path, lambda one: status(one, word, 21, "labels leaked"))
    (row,) = load(results).rows("toy")
    assert (row["usable"], row["verification"]) == (False, word)
    publish(load(results), tmp_path / "site")
    page = (tmp_path / "site" / "methods" / "pruning.md").read_text()
    assert f"<b>{word}</b>: labels leaked" in page and "2026-11-21" in page


def test_writing_a_status_again_adds_to_the_file_and_takes_nothing_away(tmp_path):
    results = folder_with(tmp_path, lambda one: status(one, "verified", 21))
    path = results / "toy" / "pruning.standard.jsonl"
    before = read_records([path])
    merge_into(path, [status(run(), "withdrawn", 22)])
    after = read_records([path])
    assert len(after) == len(before) + 1
    assert all(one in after for one in before)


def test_a_row_says_of_how_many_tries_it_is_the_best(tmp_path):
    results = folder_with(tmp_path, card)
    (row,) = load(results).rows("toy")
    assert row["runs_tried"] == 40
    publish(load(results), tmp_path / "site")
    for name in ("tasks/toy.md", "methods/pruning.md"):
        assert "best of 40 tries" in (tmp_path / "site" / name).read_text()


def test_a_hostile_card_and_reason_are_shown_as_text(tmp_path):
    results = folder_with(
        tmp_path,
        lambda one: card(one, HOSTILE),
        lambda one: status(one, "flagged", 21, HOSTILE),
    )
    publish(load(results), tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.md"):
        content = path.read_text()
        assert "<script>alert" not in content and "\u202e" not in content, path
    page = (tmp_path / "site" / "methods" / "pruning.md").read_text()
    assert "&lt;script&gt;alert(1)" in page and "U+202E" in page and "p⟨U+0430⟩ypal" in page


@pytest.mark.parametrize("megabytes", [0.1, pytest.param(10, marks=pytest.mark.slow)])
def test_a_long_name_does_not_fill_a_page(megabytes, tmp_path):
    results = folder_with(tmp_path, lambda one: card(one, "a\u202e" * int(megabytes * 5e5)))
    publish(load(results), tmp_path / "site")
    assert (tmp_path / "site" / "methods" / "pruning.md").stat().st_size < 50_000


def test_look_alike_letters_are_shown_by_their_code_and_whole_scripts_are_left_alone():
    assert text("p\u0430ypal") == "p⟨U+0430⟩ypal"
    assert text("\u0410BC") == "⟨U+0410⟩BC"
    assert text("Łukasz Żółw, Müller") == "Łukasz Żółw, Müller"
    assert text("Иван Петров and 山田") == "Иван Петров and 山田"
