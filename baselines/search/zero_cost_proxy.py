"""A zero-cost proxy alone: ask about the architectures with the best scores first.

Source: Abdelfattah et al. 2021, arXiv:2101.08134; the proxies' own papers are named in
harness/zero_cost.py. All scores are bought at once. Among equals the order is random.
"""

import numpy as np

from harness import Architecture, Method, Search


def solve(problem: Search, proxy: str) -> Architecture:
    """The best of the architectures of highest score."""
    listed = problem.space.all()
    ties = np.random.default_rng(problem.random.getrandbits(32)).random(len(listed))
    for place in np.lexsort((ties, -problem.proxy(proxy))):
        if problem.exhausted():
            break
        problem.query(tuple(listed[place].tolist()))
    return problem.best()


METHOD = Method(
    name="zero_cost_proxy",
    version=1,
    solves=Search,
    solve=solve,
    settings=(
        {"proxy": "synflow"},
        {"proxy": "naswot"},
        {"proxy": "jacov"},
        {"proxy": "zen"},
        {"proxy": "grad_norm"},
        {"proxy": "snip"},
    ),
    source="arXiv:2101.08134",
    modalities=("quality",),
    uses_proxies=True,
)
