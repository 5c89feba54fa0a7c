"""Small networks side by side on a task's page."""

from pathlib import Path

from board_records import method_block, run, write

from leaderboard import load
from leaderboard.pages.small_networks import small_networks_section


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
