"""Random search: ask about random architectures, answer the best; the floor for every searcher.

Source: Li and Talwalkar 2019, arXiv:1902.07638 (random search as a NAS baseline).
"""

from harness import Architecture, Method, Search


def solve(problem: Search) -> Architecture | list[Architecture]:
    """The best of as many random architectures as the budget pays for."""
    while not problem.exhausted():
        problem.query(problem.sample())
    return problem.front() if problem.device else problem.best()


METHOD = Method(
    name="random_search",
    version=1,
    solves=Search,
    solve=solve,
    settings=({},),
    source="arXiv:1902.07638",
    modalities=("quality", "long", "trade_off", "trained"),
    small_baseline=True,
)
