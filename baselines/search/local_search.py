"""Local search: walk to better neighbours, start anew at a local optimum; nothing asked twice.

Source: White et al. 2020, arXiv:2005.02960. Departs from it: `first` moves at the first better
neighbour instead of the best of all.
"""

from harness import Architecture, Method, Search


def solve(problem: Search, move: str) -> Architecture:
    """The best architecture of all walks."""
    known: dict[Architecture, float] = {}
    while not problem.exhausted():
        here = problem.sample()
        if here not in known:
            known[here] = problem.query(here)
        while (better := _better(problem, here, known, move)) is not None:
            here = better
    return problem.best()


def _better(
    problem: Search, here: Architecture, known: dict[Architecture, float], move: str
) -> Architecture | None:
    """The neighbour to walk to; None at a local optimum or when the budget is spent."""
    neighbors = problem.space.neighbors(here)
    problem.random.shuffle(neighbors)
    for one in neighbors:
        if one not in known:
            if problem.exhausted():
                return None
            known[one] = problem.query(one)
        if move == "first" and known[one] > known[here]:
            return one
    best = max(neighbors, key=known.__getitem__)
    return best if known[best] > known[here] else None


METHOD = Method(
    name="local_search",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"move": "first"}, {"move": "best"}),
    source="arXiv:2005.02960",
    modalities=("quality", "long"),
    small_baseline=True,
)
