"""Random search with weight sharing: weights learn on random paths, then random paths are compared.

Source: Li and Talwalkar 2019, arXiv:1902.07638, section 4.2; RSPS in NAS-Bench-201's table.
"""

from harness import Architecture, Method, Search
from harness.shared_weights import SharedWeights, one_hot


def solve(problem: Search, share: float) -> list[Architecture]:
    """The front of random paths; `share` of the budget trains the weights."""
    shared = SharedWeights(problem, share)
    while problem.progress() < share:
        shared.step(one_hot(problem, problem.sample()), next(shared.training))
    while not problem.exhausted():
        shared.estimate(problem.sample())
    return problem.front()


METHOD = Method(
    name="shared_random_search",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"share": 0.7},),
    source="arXiv:1902.07638",
    modalities=("trade_off", "trained", "supernet"),
)
