"""Successive halving: many for few epochs, the best of them for all.

Source: Jamieson and Talwalkar 2016, arXiv:1502.07943. Departs from it: two rungs, the fewest and
the most epochs that a task offers; half the budget goes to each. With one fidelity it is random
search.
"""

from harness import Architecture, Method, Search


def solve(problem: Search, share: float) -> Architecture:
    """The best at full length of those that were best after few epochs."""
    cheap = problem.fidelities[0]
    early: dict[Architecture, float] = {}
    until = share if len(problem.fidelities) > 1 else 1.0
    while problem.progress() < until:
        one = problem.sample()
        early[one] = problem.query(one, cheap)
    for one in sorted(early, key=early.__getitem__, reverse=True):
        if problem.exhausted():
            break
        problem.query(one)
    return problem.best()


METHOD = Method(
    name="successive_halving",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"share": 0.5},),
    source="arXiv:1502.07943",
    modalities=("quality", "long", "trained"),
)
