"""Regularized evolution whose first population has the best scores of a zero-cost proxy.

Source: Abdelfattah et al. 2021, arXiv:2101.08134, section 4 (aging evolution with warm-up);
evolution of Real et al. 2018, arXiv:1802.01548. Departs from it: all scores are bought, so that the
first population is the best of the whole space.
"""

from collections import deque

import numpy as np

from harness import Architecture, Method, Search

POPULATION, SAMPLE = 30, 10
SIZES = ("params", "macs")


def solve(problem: Search, proxy: str) -> Architecture:
    """The best architecture that any generation had; sizes are free, other scores are bought."""
    listed = problem.space.all()
    scores = problem.costs(listed, proxy) if proxy in SIZES else problem.proxy(proxy)
    ties = np.random.default_rng(problem.random.getrandbits(32)).random(len(listed))
    best = np.lexsort((ties, -scores))[:POPULATION]
    first = [tuple(one) for one in listed[best].tolist()]
    alive: deque[tuple[float, Architecture]] = deque(maxlen=POPULATION)
    while not problem.exhausted():
        if len(alive) < POPULATION:
            child = first[len(alive)]
        else:
            chosen = [problem.random.choice(alive) for _ in range(SAMPLE)]
            parent = max(chosen, key=lambda one: one[0])[1]
            child = problem.random.choice(problem.space.neighbors(parent))
        alive.append((problem.query(child), child))
    return problem.best()


METHOD = Method(
    name="proxy_evolution",
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
        {"proxy": "params"},
        {"proxy": "macs"},
    ),
    source="arXiv:2101.08134",
    modalities=("quality",),
    uses_proxies=True,
)
