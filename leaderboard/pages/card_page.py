"""A task's card, `tasks/NAME/README.md`, as a page: data, protocol, limits and known flaws."""

from __future__ import annotations

import re
from pathlib import Path

from leaderboard.pages.safe import page, slug

TASKS = Path(__file__).parent.parent.parent / "tasks"


def card_name(task: str) -> str:
    """File name without suffix."""
    return f"{slug(task)}-about"


def card_link(task: str, folder: Path = TASKS) -> str:
    """A link to the card's page, from the pages beside it; nothing where there is no card."""
    if not (folder / slug(task) / "README.md").is_file():
        return ""
    return f'<a href="{card_name(task)}.html">Data, protocol and known flaws</a>.'


def card_page(task: str, folder: Path = TASKS) -> str | None:
    """The card as a Markdown page that links to other cards' pages; None where there is no card."""
    path = folder / slug(task) / "README.md"
    if not path.is_file():
        return None
    title, _, body = path.read_text(encoding="utf-8").partition("\n")
    cards = re.sub(r"\(\.\./(\w+)/README\.md\)", lambda found: f"({card_name(found[1])}.md)", body)
    board = f'<p class="sb-scales"><a href="{slug(task)}.html">The board of this task</a></p>'
    return page(title.removeprefix("# "), f"{board}\n{cards.rstrip()}")
