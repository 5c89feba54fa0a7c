"""NSGA-II: evolution that ranks by fronts and keeps them spread out.

Source: Deb et al. 2002, doi:10.1109/4235.996017, through Optuna's NSGAIISampler
(arXiv:1907.10902). With quality alone it is a genetic algorithm with crossover.
"""

import math

import optuna

from harness import Architecture, Method, Search

optuna.logging.set_verbosity(optuna.logging.ERROR)
MAXIMIZE, MINIMIZE = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
NEVER = 1e9  # cost of an architecture that the device cannot run


def solve(problem: Search, population: int) -> Architecture | list[Architecture]:
    """The front of quality and the device's cost, or the best by quality."""
    sampler = optuna.samplers.NSGAIISampler(
        population_size=population, seed=problem.random.getrandbits(31)
    )
    directions = [MAXIMIZE, MINIMIZE] if problem.device else [MAXIMIZE]
    study = optuna.create_study(directions=directions, sampler=sampler)
    while not problem.exhausted():
        trial = study.ask()
        drawn = tuple(
            trial.suggest_categorical(str(place), list(range(len(names))))
            for place, names in enumerate(problem.space.choices)
        )
        values = [problem.query(drawn)]
        if problem.device:
            cost = problem.cost(drawn)
            values.append(cost if math.isfinite(cost) else NEVER)
        study.tell(trial, values)
    return problem.front() if problem.device else problem.best()


METHOD = Method(
    name="nsga2",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"population": 20},),
    source="doi:10.1109/4235.996017",
    modalities=("quality", "long", "trade_off", "trained"),
)
