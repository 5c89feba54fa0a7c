"""Whether what one board says holds on another, where the same methods ran on other data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

Row = dict[str, Any]
Pair = tuple[Row, Row]  # one method at one setting, on the first board and on the second
CONTENDER = 0.9  # share of the reference's quality below which a row is no contender
FEWEST = 3  # rows on both boards below which no order is spoken of


@dataclass(frozen=True)
class Carried:
    """Rows that both boards have, best first, and how their order by what they keep agrees.

    `correlation` is Spearman's. A comparison of two rows is settled where their 95% ranges of what
    they keep do not overlap, on the first board and on the second; `reversed` are the settled ones
    whose winner, named first, loses on the second. `contended` and `contended_reversed` count those
    between rows that keep `CONTENDER` of the reference on both: beating a row that is far below
    says little.
    """

    pairs: list[Pair]
    correlation: float | None
    settled: int
    reversed: list[tuple[Pair, Pair]]
    contended: int
    contended_reversed: int


def carried(first: Sequence[Row], second: Sequence[Row]) -> Carried:
    """Compare two boards' rows; the references, which both keep all by definition, stay out."""
    there = {_key(row): row for row in _known(second)}
    both = [(row, there[_key(row)]) for row in _known(first) if _key(row) in there]
    both.sort(key=lambda pair: -float(pair[0]["retention"]))
    decided = [(a, b) for a, b in combinations(both, 2) if _apart(a, b, 0) and _apart(a, b, 1)]
    turned = [(a, b) for a, b in decided if b[1]["retention"] > a[1]["retention"]]
    contended = [sum(map(_contend, pairs)) for pairs in (decided, turned)]
    return Carried(both, _spearman(both), len(decided), turned, *contended)


def _contend(compared: tuple[Pair, Pair]) -> bool:
    return all(row["retention"] >= CONTENDER for pair in compared for row in pair)


def _known(rows: Sequence[Row]) -> list[Row]:
    return [
        row
        for row in rows
        if row["usable"] and not row["is_reference"] and row["retention"] is not None
    ]


def _key(row: Row) -> tuple[str, int, str]:
    setting = json.dumps(row["setting"], sort_keys=True)
    return row["method"], row["method_version"], setting


def _apart(first: Pair, second: Pair, board: int) -> bool:
    """Whether the ranges of what two rows keep do not overlap on one of the boards."""
    a, b = first[board], second[board]
    ends = [a["retention_low"], a["retention_high"], b["retention_low"], b["retention_high"]]
    if None in ends:
        return False
    return bool(ends[0] > ends[3] or ends[2] > ends[1])


def _spearman(pairs: Sequence[Pair]) -> float | None:
    """Rank correlation of what the rows keep on the two boards; None for too few or all equal."""
    if len(pairs) < FEWEST:
        return None
    from scipy.stats import spearmanr

    kept = np.array([[row["retention"] for row in pair] for pair in pairs])
    if (np.ptp(kept, axis=0) == 0).any():
        return None
    return float(spearmanr(kept).statistic)
