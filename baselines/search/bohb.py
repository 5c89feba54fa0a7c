"""BOHB: Hyperband's brackets, filled by densities of good and bad choices instead of at random.

Source: Falkner et al. 2018, arXiv:1807.01774: one kernel density a decision (Aitchison and Aitken),
64 candidates, a third at random, good are the best 15%. Departs from it as hyperband.py does: two
fidelities, 12 and 200 epochs, two brackets. With one fidelity only the model is left.
"""

import math

import numpy as np

from harness import Architecture, Method, Search

GOOD = 0.15  # section 4: top_n_percent
AT_RANDOM = 1 / 3  # section 4
CANDIDATES = 64  # section 4
BANDWIDTH = 0.3  # weight of all other choices around an observed one


def solve(problem: Search) -> Architecture:
    """The best architecture of all brackets."""
    seen: dict[float, dict[Architecture, float]] = {epochs: {} for epochs in problem.fidelities}
    cheap, most = problem.fidelities[0], problem.fidelities[-1]
    while not problem.exhausted():
        rung = [_ask(problem, seen, cheap) for _ in range(math.ceil(most / cheap))]
        if cheap != most and not problem.exhausted():
            best = max((one for one in rung if one), key=seen[cheap].__getitem__)
            seen[most][best] = problem.query(best)
        for _ in range(2):
            _ask(problem, seen, most)
    return problem.best()


def _ask(
    problem: Search, seen: dict[float, dict[Architecture, float]], epochs: float
) -> Architecture | None:
    """Query what the model proposes; None when the budget is spent."""
    if problem.exhausted():
        return None
    one = _propose(problem, seen)
    seen[epochs][one] = problem.query(one, epochs)
    return one


def _propose(problem: Search, seen: dict[float, dict[Architecture, float]]) -> Architecture:
    """The best of some candidates by the ratio of densities at the highest epochs with enough."""
    least = len(problem.space.choices) + 2
    known = next(
        (seen[epochs] for epochs in sorted(seen, reverse=True) if len(seen[epochs]) > 2 * least),
        None,
    )
    if known is None or problem.random.random() < AT_RANDOM:
        return problem.sample()
    ranked = sorted(known, key=known.__getitem__, reverse=True)
    cut = max(least, math.ceil(GOOD * len(ranked)))
    good = _densities(problem, ranked[:cut])
    bad = _densities(problem, ranked[cut:])
    drawn = np.stack(
        [np.array(problem.random.choices(range(len(p)), p.tolist(), k=CANDIDATES)) for p in good],
        axis=1,
    )  # (candidates, decisions)
    score = sum(
        np.log(p[drawn[:, place]] / q[drawn[:, place]])
        for place, (p, q) in enumerate(zip(good, bad, strict=True))
    )
    return tuple(drawn[int(np.argmax(score))].tolist())


def _densities(problem: Search, architectures: list[Architecture]) -> list[np.ndarray]:
    """A smoothed share of each choice for each decision, float64 (choices,)."""
    found = []
    for place, names in enumerate(problem.space.choices):
        counts = np.bincount([one[place] for one in architectures], minlength=len(names))
        others = (len(architectures) - counts) / (len(names) - 1)
        found.append(((1 - BANDWIDTH) * counts + BANDWIDTH * others) / len(architectures))
    return found


METHOD = Method(
    name="bohb",
    version=1,
    solves=Search,
    solve=solve,
    settings=({},),
    source="arXiv:1807.01774",
    modalities=("quality",),
)
