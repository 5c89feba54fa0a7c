"""Hyperband with the table's two fidelities: brackets from bold to careful, again and again.

Source: Li et al. 2017, arXiv:1603.06560. Departs from it: the table has 12 and 200 epochs only, so
eta is 200/12 and there are two brackets: 17 short runs of which the best goes on, and 2 long runs.
With one fidelity it is random search.
"""

import math

from harness import Architecture, Method, Search


def solve(problem: Search) -> Architecture:
    """The best architecture of all brackets."""
    cheap, most = problem.fidelities[0], problem.fidelities[-1]
    eta = most / cheap
    while not problem.exhausted():
        _bracket(problem, math.ceil(eta), cheap)
        for _ in range(2):
            if not problem.exhausted():
                problem.query(problem.sample())
    return problem.best()


def _bracket(problem: Search, count: int, cheap: float) -> None:
    """`count` architectures for few epochs, the best of them for all."""
    early: dict[Architecture, float] = {}
    for _ in range(count):
        if problem.exhausted():
            return
        one = problem.sample()
        early[one] = problem.query(one, cheap)
    if cheap != problem.fidelities[-1] and not problem.exhausted():
        problem.query(max(early, key=early.__getitem__))


METHOD = Method(
    name="hyperband",
    version=1,
    solves=Search,
    solve=solve,
    settings=({},),
    source="arXiv:1603.06560",
    modalities=("quality", "long"),
)
