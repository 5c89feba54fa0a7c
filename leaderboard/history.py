"""What became of a row: its dated statuses, its authors' card, and how many tries were made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.record_submission import CardRecord, StatusRecord

if TYPE_CHECKING:
    from leaderboard.board import TaskRecords

Row = dict[str, Any]


def add_history(rows: Sequence[Row], records: TaskRecords) -> None:
    """Fill `history` (oldest first) and `card`; `runs_tried` counts the tries a card admits to.

    A status of several runs of a row on the same day for the same reason is one entry.
    """
    cards = {one.method: one for one in records.cards}
    for row in rows:
        keys = {*row["keys"]}
        row["history"] = _entries([one for one in records.statuses if one.key in keys])
        card = cards.get(row["method"])
        row["card"] = _card(card) if card else None
        row["runs_tried"] = max(row["runs_tried"], card.tries if card else 0)


def _entries(statuses: Sequence[StatusRecord]) -> list[Row]:
    found: dict[tuple[str, str, str], Row] = {}
    for one in statuses:
        entry = found.setdefault(
            (one.created[:10], one.status, one.why),
            {
                "date": one.created[:10],
                "status": one.status,
                "why": one.why,
                "runs": 0,
                "claims": [],
            },
        )
        entry["runs"] += 1
        entry["claims"] += [
            {"name": c.name, "claimed": c.claimed, "recomputed": c.recomputed}
            for c in one.claims
            if c.claimed != c.recomputed and c.claimed is not None
        ]
    return list(found.values())


def _card(card: CardRecord) -> Row:
    fields = card.model_dump()
    return {name: fields[name] for name in CARD_FIELDS}


CARD_FIELDS = (
    *("name", "authors", "licence", "paper", "code_url", "description"),
    *("hardware", "training_data", "tries"),
)
