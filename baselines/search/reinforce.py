"""REINFORCE: a softmax for each decision, moved towards choices that beat the running mean.

Source: Williams 1992, doi:10.1007/BF00992696, as NAS-Bench-201 ran it (arXiv:2001.00326,
section 4): Adam, exponential baseline 0.9, one architecture a step. Version 1 did not correct the
baseline for its start at 0.
"""

import numpy as np

from harness import Architecture, Method, Search

MOMENTUM = 0.9  # of the reward's running mean
BETAS = (0.9, 0.999)


def solve(problem: Search, learning_rate: float) -> Architecture:
    """The best architecture that the policy drew."""
    random = np.random.default_rng(problem.random.getrandbits(32))
    logits = [1e-3 * random.standard_normal(len(names)) for names in problem.space.choices]
    first, second = ([np.zeros_like(one) for one in logits] for _ in range(2))
    running, step = 0.0, 0
    while not problem.exhausted():
        step += 1
        chances = [np.exp(one - one.max()) for one in logits]
        chances = [one / one.sum() for one in chances]
        drawn = tuple(int(np.searchsorted(one.cumsum()[:-1], random.random())) for one in chances)
        reward = 100 * problem.query(drawn)  # in percent, as the source has it
        running = MOMENTUM * running + (1 - MOMENTUM) * reward
        baseline = running / (1 - MOMENTUM**step)
        for place, choice in enumerate(drawn):
            gradient = chances[place] * (reward - baseline)
            gradient[choice] -= reward - baseline  # of -log chance x advantage
            first[place] = BETAS[0] * first[place] + (1 - BETAS[0]) * gradient
            second[place] = BETAS[1] * second[place] + (1 - BETAS[1]) * gradient**2
            mean = first[place] / (1 - BETAS[0] ** step)
            spread = np.sqrt(second[place] / (1 - BETAS[1] ** step)) + 1e-8
            logits[place] = logits[place] - learning_rate * mean / spread
    return problem.best()


METHOD = Method(
    name="reinforce",
    version=2,
    solves=Search,
    solve=solve,
    settings=({"learning_rate": 0.01}, {"learning_rate": 0.1}),
    source="doi:10.1007/BF00992696",
    modalities=("quality", "long"),
)
