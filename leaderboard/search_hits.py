"""Whether the seeds of a search found the best architecture, and when."""

from __future__ import annotations

import numpy as np

from harness.record_search import CaseBlock
from harness.traces import Trace


def share_at_test_optimum(case: CaseBlock, test: np.ndarray) -> float | None:
    """Of the seeds, those that answered the best by test; None where validation shows the same.

    Validation gives no reason to prefer it, so a method that does knows what it should not.
    """
    if case.best_test <= case.best_architecture_test:
        return None
    return float((test >= np.float32(case.best_test)).mean())


def reachable(case: CaseBlock) -> bool:
    """Whether the case lets anybody ask at full length at all."""
    return case.full_epochs in case.fidelities


def hit_queries(case: CaseBlock, trace: Trace, seeds: int) -> np.ndarray:
    """Queries of each seed until it trained one of best validation quality in full, (seeds,).

    Infinite for the seeds that never did; seeds are in the order of their number.
    """
    hit = (trace["validation"] >= np.float32(case.best_validation)) & ~trace["answer"]
    hit &= trace["fidelity"] == case.full_epochs
    found = np.full(seeds, np.inf)
    numbers = np.unique(trace["seed"])
    for seed, queries in zip(trace["seed"][hit], trace["queries"][hit], strict=True):
        place = np.searchsorted(numbers, seed)
        found[place] = min(found[place], queries)
    return found
