"""Scores of ranked answers with one right item each, without torch.

Source: NDCG, Järvelin and Kekäläinen 2002, doi:10.1145/582415.582418; with one right item its
ideal is 1, so that it is 1 / log2(1 + rank).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import SlimbenchError

TOP = 10
LARGEST_ID = np.iinfo(np.uint16).max
LENGTHS = {
    "histories of 4": (0, 4),
    "of 5 to 7": (5, 7),
    "of 8 to 15": (8, 15),
    "of 16+": (16, None),
}
POPULARITY = {
    "items never trained on": (0, 0),
    "seen 1 to 9 times": (1, 9),
    "seen 10 to 49 times": (10, 49),
    "seen 50+ times": (50, None),
}


def ranked_ids(outputs: Sequence[np.ndarray]) -> np.ndarray:
    """Item ids int (n, 10) to uint16. Raises SlimbenchError on a number that is no id."""
    ids = outputs[0]
    wrong = ids[(ids < 0) | (ids > LARGEST_ID)]
    if wrong.size:
        raise SlimbenchError(
            f"the artifact answers {int(wrong[0])}, which is no item: ids lie in 1 to {LARGEST_ID}"
        )
    return ids.astype(np.uint16)


def ranks(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The place, 1 to 10, of the right item targets[:, 0] in each answer; infinite if it is not."""
    hits = predictions == targets[:, :1]  # (n, 10)
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1.0, np.inf)


def ndcg(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """NDCG@10 of each example, float (n,) in [0, 1]."""
    return np.asarray(1 / np.log2(1 + ranks(predictions, targets)))


def figures(predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """HR@10 and MRR@10 as fractions, and how many different items are ever shown."""
    found = ranks(predictions, targets)
    return {
        "HR@10": float(np.mean(np.isfinite(found))),
        "MRR@10": float(np.mean(1 / found)),
        "HR@5": float(np.mean(found <= 5)),
        "NDCG@5": float(np.mean(np.where(found <= 5, 1 / np.log2(1 + found), 0.0))),
        "items shown": float(len(np.unique(predictions))),
    }


def by_history_and_item(targets: np.ndarray) -> Mapping[str, np.ndarray]:
    """Masks by length of the history, targets[:, 1], and training count of the item, [:, 2]."""
    return {
        name: (targets[:, column] >= low) & (targets[:, column] <= (high or np.inf))
        if high != 0
        else targets[:, column] == 0
        for column, groups in ((1, LENGTHS), (2, POPULARITY))
        for name, (low, high) in groups.items()
    }
