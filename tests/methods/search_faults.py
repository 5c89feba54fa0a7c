"""Fails in the way that its setting names."""

import os
import sys
import time

from harness import Method, Search


def solve(problem: Search, fault: str) -> object:
    best = problem.sample()
    problem.query(best)
    return FAULTS[fault](problem, best)


def raises(problem: Search, best: object) -> object:
    raise RuntimeError("gave up\nsecond line")


def overspends(problem: Search, best: object) -> object:
    while True:
        problem.query(best)


def hides_queries(problem: Search, best: object) -> object:
    problem.asked += [0] * 1000
    return best


def forgets(problem: Search, best: object) -> object:
    problem.asked.clear()
    return best


def was_never_asked(problem: Search, best: object) -> object:
    return next(one for one in problem.space.neighbors(best))


def forges(problem: Search, best: object) -> object:
    problem.asked.append(10**9)
    return best


def fails_on_odd_numbers(problem: Search, best: object) -> object:
    if problem.random.randrange(2):
        raise RuntimeError("odd")
    return best


FAULTS = {
    "nothing": lambda problem, best: None,
    "outside": lambda problem, best: (9, 9, 9, 9, 9, 9),
    "text": lambda problem, best: "the best one",
    "raises": raises,
    "overspends": overspends,
    "hides_queries": hides_queries,
    "forgets": forgets,
    "unasked": was_never_asked,
    "forges": forges,
    "exits": lambda problem, best: sys.exit(3),
    "crashes": lambda problem, best: os._exit(7),
    "sleeps": lambda problem, best: time.sleep(600),
    "odd": fails_on_odd_numbers,
}

METHOD = Method(
    name="search_faults",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"fault": "nothing"},),
    source="test",
)
