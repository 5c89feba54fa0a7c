"""What serving a row costs a month: the story's sum, scaled by paired speed-ups with ranges."""

from pathlib import Path

import pytest
from board_records import measured, method_block, profile_block, run, write

from leaderboard import load
from leaderboard.pages.cost import cost_section
from leaderboard.published import FOLDER, Cost, cost_of
from leaderboard.timing import over

COST = Cost(usd_per_month=200_000, source="assumed <here>")


@pytest.fixture
def table(tmp_path: Path):
    """A reference, a row four times as fast, and one ten times as fast that was not timed."""
    reference = run("reference", 0.95, method_block=method_block("reference", family="reference"))
    fast, pending = run("fast", setting={"width": 0.5}), run("pending")
    write(tmp_path, reference, fast, pending, measured(reference, 1.0), measured(fast, 4.0))
    return load(tmp_path).table("toy")


def test_a_month_is_the_storys_sum_over_the_speed_up(table) -> None:
    page = "".join(cost_section(table, COST))
    assert "<td>$50,200 <small>$49,900&ndash;$50,500</small></td>" in page  # 191 machines
    assert "<td>$149,800</td>" in page
    assert "<td>74.90% <small>74.75%&ndash;75.05%</small></td>" in page
    assert "assumed &lt;here&gt;" in page
    # 200,000 dollars are 761 machines of 0.36 dollars an hour, 70% busy with requests of 8 ms
    assert "66,590 requests a second" in page
    assert page.count("<tr>") - 1 == 2  # without the row that was not timed
    assert "<td>$200,000</td>" in page  # the reference, of no range that its digits would show


def test_a_table_without_story_price_or_timed_reference_has_no_cost(table, tmp_path) -> None:
    assert cost_section(table, None) == []
    write(tmp_path / "none", run())
    assert cost_section(load(tmp_path / "none").table("toy"), COST) == []


def test_a_speed_up_over_another_row_carries_both_ranges() -> None:
    row = {"speedup": 4.0, "speedup_low": 4 / 1.03, "speedup_high": 4 * 1.03}
    base = {"speedup": 2.0, "speedup_low": 2 / 1.04, "speedup_high": 2 * 1.04}
    found = over(row, base)
    assert found.value == 2.0
    assert found.high / found.value == pytest.approx(1.05, abs=1e-3)  # 3, 4, 5
    assert over(row, row).low == 1.0
    assert over(row, base | {"speedup_low": None}).low == 0.0


def test_the_story_of_the_fraud_task_is_read() -> None:
    found = cost_of("fraud_late_fusion")
    assert found is not None and found.usd_per_month == 200_000
    assert cost_of("mnist_mlp_microcontroller") is None


@pytest.mark.parametrize("task", sorted(p.stem for p in FOLDER.glob("*.toml") if cost_of(p.stem)))
def test_every_story_is_told_on_the_boards_own_hardware(task) -> None:
    table = load().table(task)
    page = "".join(cost_section(table, cost_of(task)))
    assert "<b>$200,000</b> a month" in page
    assert "of c7a.large at 0.1026 USD an hour, AWS list price" in page


def test_hardware_that_names_no_price_has_the_published_one(tmp_path) -> None:
    profile = profile_block("ort-1t-zen4", price_per_hour_usd=None)
    unknown = profile_block("unknown", price_per_hour_usd=None)
    entry = run()
    write(tmp_path, entry, *(measured(entry, 2.0, profile=one) for one in (profile, unknown)))
    prices = {one.name: one.price_per_hour_usd for one in load(tmp_path).profiles("toy")}
    assert prices == {"ort-1t-zen4": 0.0513, "unknown": None}
