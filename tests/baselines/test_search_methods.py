"""Every search method on generated tables: an answer in the budget, the same for the same seed."""

import numpy as np
import pytest

from harness import data, registry
from harness.run.search import Problem, small
from harness.run.search_child import answer_rows
from harness.run.table import load_table

TASK = registry.find_table_task("cell_search")
METHODS = {
    name: one
    for name, one in registry.methods().items()
    if one.solves == "Search" and set(one.modalities) <= registry.CASE_KINDS
}
CASES = {case.kind: small(case) for case in TASK.cases[::-1]} | {"cheap": small(TASK.cases[6])}
PAIRS = [
    (name, kind, number)
    for name, method in METHODS.items()
    for kind, case in CASES.items()
    for number in range(len(method.settings))
    if kind != "long" and (not method.modalities or case.kind in method.modalities)
]


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """The generated table of each kind of case."""
    folder = tmp_path_factory.mktemp("cells")
    data.store(TASK.dataset.generate(0), folder)
    return {kind: load_table(TASK, case, folder) for kind, case in CASES.items()}


def solved(name, kind, number, tables, seed):
    """The problem after the method's search, and its answer as rows."""
    method = registry.load_method(METHODS[name].path)
    np.random.seed(seed)
    problem = Problem(tables[kind], CASES[kind], seed)
    answer = method.solve(problem, **method.settings[number])
    return problem, answer_rows(answer, tables[kind], CASES[kind])


@pytest.mark.parametrize(("name", "kind", "number"), PAIRS)
def test_a_method_answers_within_the_budget_and_repeats_itself(name, kind, number, tables):
    problem, answer = solved(name, kind, number, tables, 1)
    again, same = solved(name, kind, number, tables, 1)
    assert (answer, problem.asked) == (same, again.asked)
    log = np.array(problem.asked)
    spent = tables[kind].spending(log)[2]
    rows = log[log >= 0] // len(CASES[kind].fidelities)
    budget = CASES[kind].budget.queries or CASES[kind].budget.simulated_seconds
    assert spent[:-1].sum() < budget
    assert problem.exhausted()
    assert set(answer) <= set(rows.tolist())


@pytest.mark.parametrize("name", [name for name in METHODS if name != "zero_cost_proxy"])
def test_other_seeds_search_elsewhere(name, tables):
    kind = "trade_off" if METHODS[name].modalities == ("trade_off",) else "quality"
    (first, _), (second, _) = (solved(name, kind, 0, tables, seed) for seed in (1, 2))
    assert first.asked != second.asked


def test_first_improvement_never_asks_twice_and_ends_no_worse_than_it_began(tables):
    problem, answer = solved("local_search", "quality", 0, tables, 3)
    assert len(set(problem.asked)) == len(problem.asked)
    quality = tables["quality"].quality[-1]
    assert quality[answer[0]] >= quality[problem.asked[0] // 2]


def test_successive_halving_spends_half_on_short_trainings(tables):
    problem, _ = solved("successive_halving", "quality", 0, tables, 0)
    levels = np.array(problem.asked) % 2
    spent = np.where(levels == 0, 0.06, 1.0).cumsum()
    assert spent[(levels == 0).nonzero()[0][-1]] == pytest.approx(20, abs=0.07)


def test_hyperband_promotes_the_best_of_seventeen(tables):
    problem, _ = solved("hyperband", "quality", 0, tables, 0)
    levels, rows = np.array(problem.asked) % 2, np.array(problem.asked) // 2
    assert levels[:20].tolist() == [0] * 17 + [1] * 3
    early = tables["quality"].quality[0][rows[:17]]
    assert rows[17] == rows[:17][early.argmax()]


def test_boosted_trees_learn_a_sum_of_columns():
    from baselines.search.boosted_surrogate import boosted

    random = np.random.default_rng(0)
    columns, asked = random.random((200, 6)) < 0.5, random.random((50, 6)) < 0.5
    weights = np.array([3.0, -2.0, 1.0, 0, 0, 0])
    guess = boosted(columns, columns @ weights, asked)
    assert np.corrcoef(guess, asked @ weights)[0, 1] > 0.99


def test_the_model_of_structure_search_is_a_gaussian_process():
    from baselines.search.structure_search import LENGTH, NOISE, _Model

    features = np.random.default_rng(0).normal(size=(12, 3))
    model, seen, values = _Model(features), [2, 7, 7, 4], [0.5, 0.9, 0.8, 0.1]
    for place, value in zip(seen, values, strict=True):
        model.add(place, value)
    distance = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    kernel = np.exp(-distance / (2 * LENGTH**2))
    gram = kernel[np.ix_(seen, seen)] + NOISE * np.eye(4)
    variance = 1 - np.einsum("ij,ji->i", kernel[:, seen], np.linalg.solve(gram, kernel[seen]))
    assert model.spread == pytest.approx(variance, abs=1e-9)


def bought(problem):
    """The entries of the log before the first query."""
    log = np.array(problem.asked)
    return log[: int((log >= 0).argmax())]


def test_a_proxy_alone_asks_in_the_order_of_its_scores(tables):
    problem, _ = solved("zero_cost_proxy", "quality", 0, tables, 0)
    table = tables["quality"]
    rows = np.array(problem.asked[1:]) // 2
    fresh = Problem(table, CASES["quality"], 0)
    scores = fresh.proxy("synflow", table.architectures[rows])
    assert (np.diff(scores) <= 0).all()
    assert scores[0] == fresh.proxy("synflow").max()
    assert len(bought(problem)) == 1


def test_evolution_with_a_proxy_begins_with_its_thirty_best(tables):
    problem, _ = solved("proxy_evolution", "quality", 1, tables, 0)
    table = tables["quality"]
    rows = np.array(problem.asked[1:31]) // 2
    fresh = Problem(table, CASES["quality"], 0)
    least = np.sort(fresh.proxy("naswot"))[-30]
    assert fresh.proxy("naswot", table.architectures[rows]).min() == least


def test_scores_that_the_budget_does_not_cover_are_done_without(tables):
    assert len(bought(solved("proxy_guided_search", "quality", 0, tables, 0)[0])) == 3
    assert len(bought(solved("proxy_guided_search", "cheap", 0, tables, 0)[0])) == 2


def test_local_search_by_size_starts_at_the_most_parameters_and_buys_nothing(tables):
    problem, _ = solved("proxy_local_search", "quality", 0, tables, 0)
    table = tables["quality"]
    sizes = table.costs["params"]
    assert len(bought(problem)) == 0
    assert sizes[problem.asked[0] // 2] == sizes.max()
    rows = np.array(problem.asked) // 2
    assert len(set(rows.tolist())) == len(rows)


def test_the_ridge_fits_what_the_ranks_leave_over():
    from baselines.search.proxy_guided_search import _ridge

    random = np.random.default_rng(0)
    inputs = np.hstack([np.ones((4000, 1)), random.normal(size=(4000, 3))])
    weights = np.array([5.0, 1.0, 0.0, -2.0])
    assert _ridge(inputs, inputs @ weights) == pytest.approx(weights, abs=0.01)
