"""The Search problem: what is charged, what is refused, and that test values are not in it."""

import gc
import math
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from table_of_six import SPACE, TEST, case, table

from harness.errors import OverBudgetError, UsageError
from harness.run.search import Problem, budget_of, front_rows, small


@pytest.fixture
def pose(tmp_path):
    """A problem on the table of six, for a case made of the given words."""

    def make(seed: int = 0, **words: object) -> Problem:
        asked = case(**words)
        return Problem(table(tmp_path, asked), asked, seed)

    return make


def test_a_query_returns_validation_quality_at_the_asked_epochs(pose):
    problem = pose()
    assert problem.query((2, 1)) == 0.8
    assert problem.query((2, 1), 1) == 0.0


def test_short_queries_are_charged_their_share_and_repeated_ones_again(pose):
    problem = pose(queries=3)
    problem.query((0, 0), 1)
    assert problem.progress() == pytest.approx(0.25 / 3)
    problem.query((0, 0))
    problem.query((0, 0))
    assert problem.progress() == pytest.approx(2.25 / 3)


def test_the_query_that_passes_the_budget_is_finished_and_the_next_refused(pose):
    problem = pose(queries=None, seconds=50.0)
    problem.query((0, 0))
    assert not problem.exhausted()
    assert problem.query((0, 1)) == 0.4
    assert problem.exhausted()
    with pytest.raises(OverBudgetError, match=r"80 of 50 simulated s are spent; ask exhausted"):
        problem.query((1, 0))
    assert len(problem.asked) == 2


def test_many_queries_at_once_equal_single_ones(pose):
    one_by_one, at_once = pose(), pose()
    asked = [(0, 1), (2, 0), (1, 1)]
    assert at_once.query_many(asked, 1).tolist() == [one_by_one.query(each, 1) for each in asked]
    assert at_once.asked == one_by_one.asked
    assert at_once.progress() == one_by_one.progress()


def test_many_queries_above_the_budget_charge_nothing(pose):
    problem = pose(queries=3)
    with pytest.raises(OverBudgetError, match="4 more queries are above the budget"):
        problem.query_many(np.zeros((4, 2), int))
    assert (problem.progress(), problem.asked) == (0.0, [])


@pytest.mark.parametrize(
    "wrong", [(3, 0), (-1, 0), (0,), (0, 0, 0), [0, 0], "ab", None, (0.5, 0), (math.nan, 0)]
)
def test_an_architecture_outside_the_space_is_refused_and_not_charged(pose, wrong):
    problem = pose()
    for ask in (problem.query, lambda one: problem.cost(one, "phone")):
        with pytest.raises(UsageError, match=r"outside the space six: give a tuple of 2"):
            ask(wrong)
    assert problem.asked == []


@pytest.mark.parametrize(
    "wrong", [[(3, 0)], [(0, -1)], [(0, 0), (0, 9)], np.zeros((2, 3), int), np.zeros((2, 2)), [0]]
)
def test_many_architectures_outside_the_space_are_refused(pose, wrong):
    with pytest.raises(UsageError, match=r"outside the space six|whole numbers \(n, 2\)"):
        pose().query_many(wrong)


def test_a_fidelity_that_does_not_exist_is_refused(pose):
    for ask in (lambda p: p.query((0, 0), 2), lambda p: p.query_many([(0, 0)], 2)):
        with pytest.raises(UsageError, match=r"fidelity 2 does not exist; .* \[1, 4\] epochs"):
            ask(pose())


def test_a_device_without_data_is_refused_with_those_that_have_some(pose, tmp_path):
    with pytest.raises(UsageError, match="device 'toaster' has no data for d; there are macs, par"):
        pose().cost((0, 0), "toaster")
    with pytest.raises(UsageError, match="device 'None' has no data"):
        pose().cost((0, 0))
    with pytest.raises(UsageError, match="device 'toaster' has no data"):
        pose(device="toaster")


def test_costs_are_free_and_infinite_where_the_device_cannot_run(pose):
    problem = pose(device="phone")
    assert problem.cost((1, 0)) == 3.0
    assert problem.cost((2, 1)) == math.inf
    assert problem.costs(np.array([[0, 0], [2, 1]])).tolist() == [1.0, math.inf]
    assert problem.cost((1, 0), "macs") == 2e6
    assert problem.progress() == 0.0


@pytest.mark.parametrize(
    ("queries", "seconds"), [(0, None), (-5, None), (None, 0.0), (None, None), (3, 4.0)]
)
def test_a_budget_must_be_one_number_above_zero(queries, seconds):
    with pytest.raises(UsageError, match="give exactly one, above 0"):
        budget_of(case(queries, seconds))


def test_the_best_is_of_the_most_epochs_asked_for(pose):
    problem = pose()
    problem.query((0, 0), 1)
    problem.query((2, 1), 1)
    assert problem.best() == (0, 0)
    problem.query((0, 1), 4)
    problem.query((1, 0), 4)
    assert problem.best() == (1, 0)


def test_the_front_leaves_out_what_is_beaten_or_cannot_run(pose):
    problem = pose(device="phone", queries=9)
    problem.query_many([(0, 0), (1, 1), (2, 0), (2, 1), (0, 0)])
    assert problem.front() == [(0, 0), (2, 0)]  # (1, 1) costs as much as (2, 0) and is worse


def test_nothing_queried_has_no_best(pose):
    with pytest.raises(UsageError, match="nothing was queried yet"):
        pose().best()


def test_front_rows_by_hand():
    quality, cost = np.array([0.5, 0.9, 0.7, 0.7, 0.4]), np.array([1.0, 3.0, 2.0, 2.0, 4.0])
    assert front_rows(quality, cost).tolist() == [0, 2, 1]
    assert front_rows(np.zeros(0), np.zeros(0)).tolist() == []


def test_seeds_decide_what_is_sampled(pose):
    first, again, other = (
        [problem.sample() for _ in range(20)] for problem in (pose(1), pose(1), pose(2))
    )
    assert first == again != other


def test_neighbors_differ_in_one_decision():
    assert sorted(SPACE.neighbors((0, 1))) == [(0, 0), (1, 1), (2, 1)]


def test_a_smoke_case_has_a_tenth_of_the_seconds_or_few_queries():
    assert small(case(300)).budget.queries == 40
    assert small(case(None, 100.0)).budget.simulated_seconds == 10.0


def test_no_object_that_a_problem_holds_has_test_values(pose):
    """Everything reachable from the problem, private or not, is walked through."""
    problem = pose(device="phone")
    secret = TEST["d_test"]
    todo, seen = [problem], set()
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray) and one.dtype.kind == "f":
            assert not np.isin(secret[[1, 3, 4]], one).any()
        elif isinstance(one, float):
            assert one not in (0.45, 0.55, 0.75)
        elif is_dataclass(one):
            todo += [getattr(one, field.name) for field in fields(one)]
        elif isinstance(one, dict | list | tuple):
            todo += gc.get_referents(one)
        elif isinstance(one, Problem):
            todo += list(vars(one).values())
    assert len(seen) > 50


def test_a_damaged_column_says_what_to_do(pose, tmp_path):
    asked = case()
    table(tmp_path, asked)
    (tmp_path / "validation" / "input_d_validation_4.npy").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(UsageError, match=r"is missing or damaged .* `slimbench data prepare"):
        table(tmp_path, asked)
