"""What a page says of a row's standing and of its authors: dated statuses, card, tries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaderboard.pages.safe import text

Row = dict[str, Any]
MOST_CLAIMS = 6


def tries(row: Row) -> str:
    """How many runs the row was chosen from."""
    count = row["runs_tried"]
    return f"best of {count:,} tries" if count > 1 else "one try"


def history_list(row: Row) -> str:
    """The row's statuses, oldest first, each with its date and reason."""
    first = f"<li>{text(row['created'][:10])} <b>self reported</b>: {tries(row)}</li>"
    return f"<ul>{first}{''.join(map(_entry, row['history']))}</ul>"


def _entry(entry: Row) -> str:
    claims = "; ".join(
        f"{text(one['name'])} {text(one['claimed'])} claimed, {text(one['recomputed'])} found"
        for one in entry["claims"][:MOST_CLAIMS]
    )
    status = text(entry["status"].replace("_", " "))
    said = f"{text(entry['date'])} <b>{status}</b>: {text(entry['why'])}"
    return f"<li>{said}{f' <small>({claims})</small>' if claims else ''}</li>"


def card_section(rows: Sequence[Row]) -> str:
    """The newest card of a method's rows as a list of terms; empty when nobody wrote one."""
    card = next((row["card"] for row in rows if row["card"]), None)
    if card is None:
        return ""
    terms = [
        ("Authors", ", ".join(card["authors"])),
        ("What", card["description"]),
        ("Licence", card["licence"]),
        ("Trained on", card["training_data"]),
        ("Hardware", card["hardware"]),
        ("Paper", card["paper"]),
        ("Code", card["code_url"]),
        ("Tries", f"{card['tries']:,}"),
    ]
    shown = "".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in terms if value)
    return f"<p><b>{text(card['name'])}</b>, as its authors describe it:</p><dl>{shown}</dl>"
