"""Search on a task's own networks: metering, fronts, one search for several limits."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import torch

from harness import data, registry
from harness.errors import OverBudgetError, UsageError
from harness.run import reference, solve
from harness.run.compression import Problem
from harness.run.job import Solved
from harness.run.matrix import choose_settings, plan
from harness.run.meter import Meter
from harness.run.stages import execute
from harness.run.trained_search import TrainedSearch
from harness.types import Budget

TINY, SMALL = (0, 0, 1), (2, 0, 0)  # 8 units; 16 units


@pytest.fixture
def search(digits):
    """A search on the smoke digits with room for a few queries."""
    torch.manual_seed(0)
    task = digits.task
    train = data.load_split(digits.data, "train")
    problem = Problem(
        task=task,
        train_split=train,
        validation_split=data.load_split(digits.data, "validation"),
        trained=reference.load(task, digits.reference, digits.shape, train.context),
        shape=digits.shape,
        meter=Meter(Budget()),
        seed=0,
        device=torch.device("cpu"),
    )
    return TrainedSearch(problem, task.search, 1e9, "macs", random=Random(0))


def test_a_query_trains_and_is_charged_and_asked_again_is_charged_but_not_trained(search):
    first = search.query(SMALL, 1)
    spent = search.training.meter.train_macs
    assert spent > 0
    assert search.query(SMALL, 1) == first
    assert search.training.meter.train_macs == pytest.approx(2 * spent)
    assert search.query(SMALL) > 0.2, "four epochs of a small network are above chance"
    assert [epochs for _, epochs, _ in search.log] == [1, 1, 4]


def test_the_query_that_crosses_the_budget_is_finished_and_the_next_one_refused(search):
    search.budget = 1.0
    search.query(TINY, 1)
    assert search.exhausted()
    with pytest.raises(OverBudgetError, match="one more query is above the budget"):
        search.query(TINY, 1)


@pytest.mark.parametrize(
    "wrong", [(9, 0, 0), (-1, 0, 0), (0, 0), (0, 0, 0, 0), "abc", None, (0.7, 0, 0), (0, 0, "1")]
)
def test_an_architecture_outside_the_space_is_refused_and_not_charged(search, wrong):
    for ask in (search.query, search.cost, search.network):
        with pytest.raises(UsageError, match=r"is outside the space .*: give a tuple of 3"):
            ask(wrong)
    assert search.training.meter.train_macs == 0


@pytest.mark.parametrize("macs", [0.0, -1.0, float("nan")])
def test_a_budget_must_be_above_zero(search, macs):
    with pytest.raises(UsageError, match=r"a search's budget is .* MACs; give more than 0"):
        TrainedSearch(search.training, search.found, macs, "macs", random=Random(0))


def test_what_lies_outside_is_refused(search):
    with pytest.raises(UsageError, match="outside the space"):
        search.query((9, 0, 0))
    with pytest.raises(UsageError, match="outside the space"):
        search.network((0, 0))
    with pytest.raises(UsageError, match="fidelity 3 does not exist"):
        search.query(TINY, 3)
    with pytest.raises(UsageError, match="no score 'synflow'"):
        search.proxy("synflow")
    with pytest.raises(UsageError, match="nothing was queried"):
        search.best()
    with pytest.raises(UsageError, match="committed no answer"):
        search.report([None])


def test_costs_are_those_of_the_deployed_network(search):
    assert search.cost(SMALL) == 28 * 28 * 16 + 16 * 10
    assert search.cost(SMALL, "params") == 28 * 28 * 16 + 16 + 16 * 10 + 10
    assert search.costs([TINY, SMALL]).tolist() == [search.cost(TINY), search.cost(SMALL)]
    with pytest.raises(UsageError, match="no profile"):
        search.cost(SMALL, "no_such_profile")


def test_a_limit_turns_quality_into_a_reward(search):
    search.device, search.limit = None, search.cost(SMALL) / 2
    quality = {}
    for one in (TINY, SMALL):
        reward = search.query(one, 1)
        quality[one] = search.log[-1][2]
        assert reward == pytest.approx(quality[one] * min(1, search.limit / search.cost(one)))
    assert search.best() == TINY


def test_fronts_hold_what_nothing_beats(search):
    for one in (TINY, SMALL):
        search.query(one, 1)
    search.log[-1] = (*search.log[-1][:2], 0.0)
    assert search.front() == [TINY]


def test_a_limit_chooses_the_best_within_it_and_else_the_cheapest():
    members = [
        {"cost": 1.0, "quality": 0.8},
        {"cost": 2.0, "quality": 0.9},
        {"cost": 3.0, "quality": None},
    ]
    assert solve.chosen(members, 2.5)["cost"] == 2.0
    assert solve.chosen(members, 9.0)["cost"] == 2.0
    assert solve.chosen(members, 0.5)["cost"] == 1.0


def test_one_search_serves_all_limits_and_rows_tell_what_was_found(digits, place):
    runs = plan(digits, [registry.find_method("random_search")], place)
    assert [run.setting["limit"] for run in runs] == list(digits.task.search.limits)
    assert len({run.key for run in runs}) == 3
    assert len({run.search_folder for run in runs}) == 1
    first, _ = execute(runs[-1])
    stamp = (runs[0].search_folder / "search.json").stat().st_mtime_ns
    second, _ = execute(runs[0])
    assert (runs[0].search_folder / "search.json").stat().st_mtime_ns == stamp
    assert [first.status, second.status] == ["ok", "ok"]
    assert first.found.search_macs == second.found.search_macs > 0
    assert first.cost.train_macs > first.found.search_macs
    assert first.found.cost == first.counts.macs
    assert first.cost.queries > 0


def test_a_searcher_without_fronts_searches_for_each_limit(digits, place):
    runs = plan(digits, [registry.find_method("regularized_evolution")], place, settings="0")
    assert len({run.search_folder for run in runs}) == 3


def test_a_search_that_failed_is_not_kept_for_the_rows_that_share_it(digits, place, monkeypatch):
    runs = plan(digits, [registry.find_method("random_search")], place, [77])
    broken = Solved(status="failed", cause="no space")
    with monkeypatch.context() as patch:
        patch.setattr(solve, "_search_now", lambda run, folder: broken)
        assert solve.solve(runs[0])["cause"] == "no space"
    assert not (runs[0].search_folder / "search.json").exists()


def test_a_limit_can_be_given(digits, place):
    method = registry.find_method("random_search")
    (run,) = plan(digits, [method], place, settings='{"limit": 0.2}')
    assert run.setting == {"limit": 0.2}
    with pytest.raises(UsageError, match="did you mean 'limit'"):
        choose_settings(method, '{"limitt": 0.2}')


def test_a_task_without_a_space_has_no_searches(digits):
    method = registry.find_method("random_search")
    assert registry.applies(method, digits.task)
    assert not registry.applies(method, replace(digits.task, search=None))
    assert not registry.applies(registry.find_method("local_search"), digits.task)


def test_a_search_weighs_the_cost_that_the_command_names(digits, place):
    method = registry.find_method("random_search")
    (*_, run) = plan(digits, [method], place, settings="0", cost="params")
    assert run.setting["cost"] == run.cost_of == "params"
    assert run.search_key != plan(digits, [method], place, settings="0")[0].search_key
    real = replace(digits, scale="standard")
    with pytest.raises(UsageError, match="slimbench predictor mnist_mlp_microcontroller"):
        plan(real, [method], place, cost="hwnas-edge-tpu-latency")
    with pytest.raises(UsageError, match="no profile 'tpu'"):
        plan(real, [method], place, settings='{"cost": "tpu"}')
    with pytest.raises(UsageError, match="--cost is for searches"):
        plan(digits, [registry.find_method("width_scaled")], place, cost="params")
