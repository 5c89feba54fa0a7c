"""Fails in the way that its setting names."""

import os
import sys
import time

import numpy as np

from harness import Method, Search


def solve(problem: Search, fault: str) -> object:
    best = problem.sample()
    problem.query(best)
    if fault == "nothing":
        return None
    if fault == "outside":
        return (9, 9, 9, 9, 9, 9)
    if fault == "text":
        return "the best one"
    if fault == "raises":
        raise RuntimeError("gave up\nsecond line")
    if fault == "overspends":
        while True:
            problem.query(best)
    if fault == "hides_queries":
        while not problem.exhausted():
            problem.query(best)
        problem.asked += [0] * 1000
        return best
    if fault == "forges":
        problem.asked.append(10**9)
        return best
    if fault == "exits":
        sys.exit(3)
    if fault == "crashes":
        os._exit(7)
    if fault == "sleeps":
        time.sleep(60)
    if fault == "even_seeds" and np.random.default_rng().random() >= 0:
        state = problem.random.getstate()[1][0]
        if state % 2:
            raise RuntimeError("odd")
    return best


METHOD = Method(
    name="search_faults",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"fault": "nothing"},),
    source="test",
)
