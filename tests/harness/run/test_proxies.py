"""Zero-cost scores: what they cost, what is refused, and that the log of a search carries them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file
from table_of_six import ARCHITECTURES, VALIDATION, case, task

from harness import data, registry
from harness.errors import DataError, OverBudgetError, UsageError
from harness.run.proxies import load
from harness.run.search import Problem
from harness.run.search_runs import fits
from harness.run.search_score import trace_of
from harness.run.table import load_table

VALUES = np.array([[1.0, 5.0, 3.0, 2.0], [9.0, 8.0, 7.0, 6.0]])
SECONDS = np.array([[1.0, 2.0, 4.0, 8.0], [0.5, 0.5, 0.5, 0.5]], np.float32)
NETWORK = np.array([0, 1, 1, 2, 3, -1], np.int16)  # (0, 1) and (1, 0) are one network
TESTS = {"d": np.zeros(6)}


def write(path, **changed):
    """A file of scores of the six architectures, by two proxies."""
    arrays = {"values": VALUES, "seconds": SECONDS, "network": NETWORK} | changed
    save_file(arrays, path, {"proxies": json.dumps(["flow", "norm"])})
    return path


@pytest.fixture
def pose(tmp_path):
    """A problem on the table of six with scores, for a case made of the given words."""

    def make(**words):
        asked = case(**words)
        made = replace(task(asked), proxies=write(tmp_path / "scores.safetensors"))
        if not (tmp_path / "checksums.json").is_file():
            data.store(made.dataset.generate(0), tmp_path)
        return Problem(load_table(made, asked, tmp_path), asked, 0)

    return make


def test_scores_are_those_of_the_architecture_s_network(pose):
    problem = pose(queries=None, seconds=50.0)
    assert problem.proxy("flow").tolist() == [1, 5, 5, 3, 2, -np.inf]
    assert problem.proxy("norm", ARCHITECTURES[[3, 5, 1]]).tolist() == [7, -np.inf, 8]


def test_all_scores_cost_the_seconds_of_every_network_once(pose):
    problem = pose(queries=None, seconds=50.0)
    problem.proxy("flow")
    assert problem.progress() == pytest.approx(15 / 50)
    problem.proxy("flow")
    assert problem.progress() == pytest.approx(30 / 50)


def test_chosen_scores_cost_the_seconds_of_their_networks(pose):
    problem = pose(queries=None, seconds=50.0)
    problem.proxy("flow", ARCHITECTURES[[1, 2, 3, 5]])
    assert problem.progress() == pytest.approx((2 + 4) / 50)


def test_a_budget_of_queries_is_charged_the_share_of_a_full_training(pose):
    problem = pose(queries=3)
    problem.proxy("flow")
    assert VALIDATION["d_seconds_4"].mean() == 40
    assert problem.progress() == pytest.approx(15 / 40 / 3)


def test_scores_above_the_rest_of_the_budget_are_refused_and_not_charged(pose):
    problem = pose(queries=None, seconds=16.0)
    problem.proxy("norm")
    with pytest.raises(OverBudgetError, match="'flow' cost 15, 14 of 16 are left; ask for fewer"):
        problem.proxy("flow")
    assert problem.progress() == pytest.approx(2 / 16)


def test_an_unknown_proxy_and_a_space_without_scores_are_refused(pose, tmp_path):
    with pytest.raises(UsageError, match="no proxy is named 'zen'; there are flow, norm"):
        pose().proxy("zen")
    asked = case()
    without = Problem(load_table(task(asked), asked, tmp_path), asked, 0)
    with pytest.raises(UsageError, match=r"the space six has no zero-cost scores; use costs\(\)"):
        without.proxy("flow")


def test_purchases_are_no_queries_for_the_best(pose):
    problem = pose(queries=None, seconds=90.0)
    problem.proxy("norm")
    with pytest.raises(UsageError, match="nothing was queried yet"):
        problem.best()
    problem.query((1, 1))
    problem.proxy("flow", ARCHITECTURES[:1])
    assert problem.best() == (1, 1)


def test_the_log_tells_what_was_spent_in_queries_and_seconds(pose):
    problem = pose(queries=3)
    problem.proxy("flow")
    problem.query((1, 1), 1)
    problem.proxy("norm", ARCHITECTURES[[0, 4]])
    problem.query((2, 1))
    log, table = np.array(problem.asked), problem._table
    queries, seconds, charges = table.spending(log)
    assert seconds.tolist() == [15, 10, 0.5, 0.5, 40]
    assert queries == pytest.approx(np.array([15, 10, 0.5, 0.5, 40]) / 40)
    assert charges.sum() / 3 == pytest.approx(problem.progress())
    trace = trace_of(table, problem._case, TESTS, 0, log, np.array([5]))
    assert trace["seconds"].tolist() == [25, 66, 66]
    assert trace["queries"] == pytest.approx(np.array([25, 66, 66]) / 40)
    assert trace["answer"].tolist() == [False, False, True]


@pytest.mark.parametrize("entry", [-11, -(10**9), 12])
def test_a_log_of_scores_that_do_not_exist_was_changed(pose, entry):
    table = pose()._table
    assert table.spending(np.array([-1, -10]))[1].tolist() == [1, 2]  # the first, and all `norm`
    with pytest.raises(UsageError, match="the log of queries was changed"):
        table.spending(np.array([0, entry]))


def test_a_damaged_file_of_scores_is_refused(tmp_path):
    path = write(tmp_path / "scores.safetensors")
    assert load(path, 6).names == ("flow", "norm")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="no whole file of scores"):
        load(path, 6)
    with pytest.raises(DataError, match="no whole file of scores"):
        load(tmp_path / "none", 6)


@pytest.mark.parametrize(
    "changed",
    [
        {"network": NETWORK[:5].copy()},
        {"network": NETWORK + np.int16(1)},
        {"seconds": -SECONDS},
        {"values": VALUES[:, :3].copy()},
    ],
)
def test_scores_of_another_space_are_refused(tmp_path, changed):
    with pytest.raises(DataError, match="scores of another space"):
        load(write(tmp_path / "scores.safetensors", **changed), 6)


def test_methods_that_use_proxies_fit_spaces_that_have_them():
    method = registry.find_method("zero_cost_proxy")
    cells, blocks = (registry.find_table_task(name) for name in ("cell_search", "macro_search"))
    assert fits(method, cells, cells.cases[0])
    assert not fits(method, blocks, blocks.cases[0])
    assert fits(registry.find_method("random_search"), blocks, blocks.cases[0])
