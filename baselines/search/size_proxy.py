"""Size as a zero-cost proxy: ask about the largest architectures first, by parameters or MACs.

Source: Abdelfattah et al. 2021, arXiv:2101.08134; Krishnakumar et al. 2022, arXiv:2210.03230, which
find that training-free scores seldom beat this one. Among equals the order is random.
"""

import numpy as np

from harness import Architecture, Method, Search


def solve(problem: Search, by: str) -> Architecture:
    """The best of the largest architectures, one of each kind that computes the same."""
    listed = problem.space.all()
    problem.random.shuffle(order := list(range(len(listed))))
    sizes = problem.costs(listed, by)[order]
    seen = set()
    for place in np.argsort(-sizes, kind="stable"):
        here = tuple(listed[order[place]].tolist())
        if (kind := problem.space.canonical(here)) in seen:
            continue
        if problem.exhausted():
            break
        seen.add(kind)
        problem.query(here)
    return problem.best()


METHOD = Method(
    name="size_proxy",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"by": "params"}, {"by": "macs"}),
    source="arXiv:2210.03230",
    modalities=("quality", "long"),
    small_baseline=True,
)
