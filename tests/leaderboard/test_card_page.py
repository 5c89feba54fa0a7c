"""A task's card on the site."""

from pathlib import Path

import pytest

from harness import registry
from leaderboard.pages.card_page import card_link, card_page


def test_a_card_becomes_a_page_that_links_to_other_cards(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    card = "# Toy & task\n\nAs [cells](../cell_search/README.md).\n\nKnown flaws: many.\n"
    (tmp_path / "toy" / "README.md").write_text(card)
    page = card_page("toy", tmp_path)
    assert page is not None
    assert 'title: "Toy &amp; task"' in page
    assert "[cells](cell_search-about.md)" in page and "Known flaws: many." in page
    assert "\n# " not in page
    assert 'href="toy-about.html"' in card_link("toy", tmp_path)


def test_a_task_without_a_card_has_no_page(tmp_path: Path) -> None:
    assert card_page("toy", tmp_path) is None and card_link("toy", tmp_path) == ""
    assert card_page("../toy", tmp_path) is None


@pytest.mark.parametrize("task", sorted(registry.tasks()))
def test_every_task_has_a_card_with_its_flaws(task: str) -> None:
    page = card_page(task)
    assert page is not None and "README.md" not in page and "nown flaws" in page
