"""Regularized evolution: the best of a few is mutated, the oldest dies.

Source: Real et al. 2018, arXiv:1802.01548; population 10, sample 3 as NAS-Bench-201 and NATS-Bench
ran it (exps/NATS-Bench/draw-table.py), and a larger population.
"""

from collections import deque

from harness import Architecture, Method, Search


def solve(problem: Search, population: int, sample: int) -> Architecture:
    """The best architecture that any generation had."""
    alive: deque[tuple[float, Architecture]] = deque(maxlen=population)
    while not problem.exhausted():
        if len(alive) < population:
            child = problem.sample()
        else:
            chosen = [problem.random.choice(alive) for _ in range(sample)]
            parent = max(chosen, key=lambda one: one[0])[1]
            child = problem.random.choice(problem.space.neighbors(parent))
        alive.append((problem.query(child), child))
    return problem.best()


METHOD = Method(
    name="regularized_evolution",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"population": 10, "sample": 3}, {"population": 30, "sample": 10}),
    source="arXiv:1802.01548",
    modalities=("quality", "long", "trained"),
)
