"""One request as an application holds it, packed into the bytes that the deployed model takes.

What a model can live with is packed as missing (no document, an empty log, NaN, an unknown
category); what can only be a mistake raises DataError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import DataError
from tasks.datasets.fraud_documents import BLANK, SIZE
from tasks.datasets.fraud_logs import EVENTS, LENGTH
from tasks.datasets.fraud_transactions import CATEGORIES, NUMBERS

LONGEST = 1e9  # seconds, about 30 years


def pack(
    transaction: Mapping[str, object] | None,
    log: Sequence[tuple[str, float]] | None,
    document: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """A request by input name, each with a batch of 1.

    `transaction` has NUMBERS and CATEGORIES by name, missing ones count as unknown; `log` lists
    (event, seconds since the event before), oldest first, of which the newest 64 are kept;
    `document` is uint8 (256, 256). None stands for a missing modality.
    Raises DataError on a name that is none of the columns, on a column that is no number, and on
    another image or pause.
    """
    known = dict(transaction or {})
    numbers = [_number(name, known.pop(name, np.nan)) for name in NUMBERS]
    categories = [_category(name, known.pop(name, 0)) for name in CATEGORIES]
    if known:
        raise DataError(
            f"a transaction has no column {sorted(known)}; it has {[*NUMBERS, *CATEGORIES]}"
        )
    events, gaps = _packed_log(list(log or [])[-LENGTH:])
    return {
        "categories": np.array([categories], np.int64),
        "document": _checked(document)[None],
        "events": events[None],
        "gaps": gaps[None],
        "numbers": np.array([numbers], np.float32),
    }


def _category(name: str, value: object) -> int:
    """The category's number; 0, unknown, for one that the model never saw, words included."""
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        return 0
    return int(value) if 0 <= value < CATEGORIES[name] else 0


def _number(name: str, value: object) -> float:
    """The column's value. Raises DataError for one that is no number."""
    if not isinstance(value, int | float | np.number):
        raise DataError(
            f"{name} is {str(value)[:40]!r}, not a number; give NaN where it is missing"
        )
    return float(value)


def _packed_log(log: list[tuple[str, float]]) -> tuple[np.ndarray, np.ndarray]:
    events, gaps = np.zeros(LENGTH, np.int64), np.zeros(LENGTH, np.float32)
    for place, (event, seconds) in enumerate(log):
        if not seconds >= 0:
            raise DataError(
                f"event {place} of the log came {seconds} s after the one before; order the log "
                "by time and give seconds >= 0"
            )
        events[place] = EVENTS.index(event) if event in EVENTS else 0
        gaps[place] = min(float(seconds), LONGEST)
    return events, gaps


def _checked(document: np.ndarray | None) -> np.ndarray:
    if document is None:
        return np.full((SIZE, SIZE), BLANK, np.uint8)
    if document.shape != (SIZE, SIZE) or document.dtype != np.uint8:
        raise DataError(
            f"a document is {document.dtype} {document.shape}, not uint8 ({SIZE}, {SIZE}) grey; "
            "scale it before it is packed"
        )
    return document
