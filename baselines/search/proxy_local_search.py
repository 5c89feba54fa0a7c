"""Local search that starts where scores are best and tries the neighbours of best score first.

Source: White et al. 2020, arXiv:2005.02960 (local search), with the start that Abdelfattah et al.
2021, arXiv:2101.08134, give to evolution. The order is that of parameters, or the mean rank by
parameters and three zero-cost proxies; it moves at the first better neighbour and starts anew at
the next in order. A proxy that the budget does not cover is left out.
"""

import numpy as np

from harness import Architecture, Method, Search
from harness.errors import OverBudgetError

PROXIES = {"params": (), "ensemble": ("synflow", "naswot", "jacov")}


def solve(problem: Search, by: str) -> Architecture:
    """The best architecture of all walks."""
    worth = _worth(problem, PROXIES[by])
    known: dict[Architecture, float] = {}
    starts = iter(worth)
    while not problem.exhausted():
        here = next(starts)
        if here not in known:
            known[here] = problem.query(here)
        while (better := _better(problem, here, known, worth)) is not None:
            here = better
    return problem.best()


def _worth(problem: Search, proxies: tuple[str, ...]) -> dict[Architecture, float]:
    """The mean rank of every architecture, 0 to 1, best first; equals in random order."""
    listed = problem.space.all()
    columns = [problem.costs(listed, "params")]
    for name in proxies:
        try:
            columns.append(problem.proxy(name))
        except OverBudgetError:  # the budget does not cover it
            continue
    ranks = [np.unique(one, return_inverse=True)[1] for one in columns]
    mean = sum(one / one.max() for one in ranks) / len(ranks)
    mean += 1e-9 * np.random.default_rng(problem.random.getrandbits(32)).random(len(listed))
    order = np.argsort(-mean)
    return dict(zip(map(tuple, listed[order].tolist()), mean[order].tolist(), strict=True))


def _better(
    problem: Search,
    here: Architecture,
    known: dict[Architecture, float],
    worth: dict[Architecture, float],
) -> Architecture | None:
    """The first better neighbour; None at a local optimum or when the budget is spent."""
    for one in sorted(problem.space.neighbors(here), key=worth.__getitem__, reverse=True):
        if one not in known:
            if problem.exhausted():
                return None
            known[one] = problem.query(one)
        if known[one] > known[here]:
            return one
    return None


METHOD = Method(
    name="proxy_local_search",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"by": "params"}, {"by": "ensemble"}),
    source="arXiv:2005.02960",
    modalities=("quality",),
    uses_proxies=True,
)
