"""Small networks side by side on a task's page."""

from pathlib import Path

from board_records import measured, method_block, run, write

from leaderboard import load
from leaderboard.pages.small_networks import small_networks_section, small_to_beat


def section(folder: Path, *names: str) -> str:
    runs = [run(name, 0.9, method_block=method_block(name, small_baseline=True)) for name in names]
    write(folder, run("pruning"), *runs)
    return "".join(small_networks_section(load(folder).table("toy")))


def test_small_networks_stand_side_by_side_with_what_training_cost(tmp_path: Path) -> None:
    page = section(tmp_path, "cnn", "vit")
    assert page.count("<tr>") - 1 == 2
    assert "cnn <small>sparsity 0.5</small>" in page and "pruning" not in page
    assert "<td>90.00%</td><td>250</td><td>500</td>" in page


def test_one_small_network_is_no_comparison(tmp_path: Path) -> None:
    assert section(tmp_path, "cnn") == ""


def test_the_front_stands_beside_the_small_networks_of_each_kind(tmp_path: Path) -> None:
    small = method_block("cnn", small_baseline=True)
    fast, slow, cut = (
        run("cnn", 0.85, setting={"width": 0.5}, method_block=small),
        run("cnn", 0.90, setting={"width": 1.0}, method_block=small),
        run("pruning", 0.92),
    )
    write(tmp_path, fast, slow, cut, measured(fast, 8.0), measured(slow, 2.0), measured(cut, 3.0))
    page = "".join(small_networks_section(load(tmp_path).table("toy")))
    assert "Over cnn<br>width 1.0</th>" in page  # the better one of its kind alone
    assert "<td>1.50\u00d7 (" in page
    assert page.count("<tr>") - 2 == 3  # two small networks, one row of the front


def test_a_row_has_to_beat_the_fastest_small_network_that_is_as_good(tmp_path: Path) -> None:
    small = method_block("cnn", small_baseline=True)
    fast, slow = (
        run("cnn", 0.85, setting={"width": 0.5}, method_block=small),
        run("cnn", 0.90, setting={"width": 1.0}, method_block=small),
    )
    rows = [run(name, quality) for name, quality in (("a", 0.80), ("b", 0.88), ("c", 0.95))]
    write(tmp_path, fast, slow, *rows, measured(fast, 8.0), measured(slow, 2.0))
    table = load(tmp_path).table("toy")
    found = {}
    for row in table.rows:
        base, as_good = small_to_beat(table, row)
        found[row["method"]] = (base["setting"]["width"], as_good)
    assert (found["a"], found["b"], found["c"]) == ((0.5, True), (1.0, True), (1.0, False))
