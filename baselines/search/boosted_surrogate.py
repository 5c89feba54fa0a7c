"""A gradient-boosted predictor of quality, asked which mutations of the best to try next.

Source: BANANAS' loop (White et al. 2019, arXiv:1910.11858: predict, mutate the best, ask the most
promising) with boosted trees (Friedman 2001, doi:10.1214/aos/1013203451) for its ensemble of neural
networks, which GBDT-NAS (Luo et al. 2020, arXiv:2007.04785) also prefers. No uncertainty is used:
a tenth of the queries are random instead.
"""

import numpy as np

from harness import Architecture, Method, Search

FIRST = 20  # random queries before the first model
BATCH = 10  # queries between two models
MOST_SEEN = 300  # best architectures that a model learns from
TREES, DEPTH, RATE = 50, 3, 0.15
PARENTS = 10
AT_RANDOM = 0.1


def solve(problem: Search) -> Architecture:
    """The best of what the predictor proposed."""
    known: dict[Architecture, float] = {}
    while not problem.exhausted():
        batch = [problem.sample() for _ in range(FIRST)]
        if len(known) >= FIRST:
            batch = _proposals(problem, known)
        for one in batch:
            if problem.exhausted():
                break
            known[one] = problem.query(one)
    return problem.best()


def _proposals(problem: Search, known: dict[Architecture, float]) -> list[Architecture]:
    """The most promising mutations of the best parents, and random ones."""
    ranked = sorted(known, key=known.__getitem__, reverse=True)
    near = {one for parent in ranked[:PARENTS] for one in problem.space.neighbors(parent)}
    near |= {one for parent in list(near)[::7] for one in problem.space.neighbors(parent)[::3]}
    candidates = sorted(near - known.keys()) or [problem.sample()]
    seen = ranked[:MOST_SEEN]
    target = -np.log(known[seen[0]] + 0.02 - np.array([known[one] for one in seen]))
    guess = boosted(_one_hot(problem, seen), target, _one_hot(problem, candidates))
    chosen = [candidates[place] for place in np.argsort(-guess)[:BATCH]]
    return [problem.sample() if problem.random.random() < AT_RANDOM else one for one in chosen]


def _one_hot(problem: Search, architectures: list[Architecture]) -> np.ndarray:
    """bool (n, choices of all decisions)."""
    asked = np.array(architectures)  # (n, decisions)
    columns = [
        asked[:, place] == choice
        for place, names in enumerate(problem.space.choices)
        for choice in range(len(names))
    ]
    return np.stack(columns, axis=1)


def boosted(columns: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Predictions (m,) at bool `asked` (m, c) of trees fitted to `target` (n,) at `columns`."""
    rest = target - target.mean()
    found = np.full(len(asked), target.mean())
    for _ in range(TREES):
        fitted, predicted = _tree(columns, rest, asked, DEPTH)
        rest = rest - RATE * fitted
        found += RATE * predicted
    return found


def _tree(
    columns: np.ndarray, rest: np.ndarray, asked: np.ndarray, depth: int
) -> tuple[np.ndarray, np.ndarray]:
    """A least-squares tree's values at its own rows (n,) and at the asked ones (m,)."""
    mean = rest.mean()
    leaf = np.full(len(rest), mean), np.full(len(asked), mean)
    count, total = columns.sum(axis=0), (rest - mean) @ columns
    able = (count > 1) & (count < len(rest) - 1)
    if depth == 0 or not able.any():
        return leaf
    gain = np.where(able, total**2 / np.maximum(count * (len(rest) - count), 1), -1.0)
    best = int(gain.argmax())
    fitted, predicted = leaf
    for side in (False, True):
        mine, theirs = columns[:, best] == side, asked[:, best] == side
        fitted[mine], predicted[theirs] = _tree(columns[mine], rest[mine], asked[theirs], depth - 1)
    return fitted, predicted


METHOD = Method(
    name="boosted_surrogate",
    version=1,
    solves=Search,
    solve=solve,
    settings=({},),
    source="arXiv:1910.11858",
    modalities=("quality",),
)
