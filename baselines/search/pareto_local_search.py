"""Pareto local search: next is a neighbour of a random member of the front.

Source: Paquete et al. 2004, doi:10.1007/978-3-642-17144-4_7. Departs from it: one neighbour at a
time instead of a whole neighbourhood, since a query is dear; random when the front has none left.
"""

from harness import Architecture, Method, Search


def solve(problem: Search) -> list[Architecture]:
    """The front of quality and the device's cost."""
    known: set[Architecture] = set()
    while not problem.exhausted():
        front = problem.front() if known else []
        chosen = _unknown_neighbor(problem, front, known) or problem.sample()
        known.add(chosen)
        problem.query(chosen)
    return problem.front()


def _unknown_neighbor(
    problem: Search, front: list[Architecture], known: set[Architecture]
) -> Architecture | None:
    for member in problem.random.sample(front, len(front)):
        neighbors = [one for one in problem.space.neighbors(member) if one not in known]
        if neighbors:
            return problem.random.choice(neighbors)
    return None


METHOD = Method(
    name="pareto_local_search",
    version=1,
    solves=Search,
    solve=solve,
    settings=({},),
    source="doi:10.1007/978-3-642-17144-4_7",
    modalities=("trade_off",),
    small_baseline=True,
)
