"""TPE: one density of good choices and one of the rest, and ask where their ratio is largest.

Source: Bergstra et al. 2011, NeurIPS 24 (Algorithms for Hyper-Parameter Optimization), through
Optuna's TPESampler (arXiv:1907.10902). Its univariate form; architectures may be asked twice.
"""

import optuna

from harness import Architecture, Method, Search

optuna.logging.set_verbosity(optuna.logging.ERROR)


def solve(problem: Search, startup: int) -> Architecture:
    """The best architecture of one study."""
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=startup, seed=problem.random.getrandbits(31)
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    while not problem.exhausted():
        trial = study.ask()
        drawn = tuple(
            trial.suggest_categorical(str(place), list(range(len(names))))
            for place, names in enumerate(problem.space.choices)
        )
        study.tell(trial, problem.query(drawn))
    return problem.best()


METHOD = Method(
    name="tpe",
    version=1,
    solves=Search,
    solve=solve,
    settings=({"startup": 10},),
    source="Bergstra et al. 2011, NeurIPS 24",
    modalities=("quality",),
)
