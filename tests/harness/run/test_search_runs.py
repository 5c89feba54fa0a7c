"""Runs of searches: one record and one trace each, faults with a cause, nothing found by spies."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import registry, traces
from harness.errors import UsageError
from harness.record import parse_line, read_records, to_line
from harness.record_search import SearchRecord
from harness.run import sandbox
from harness.run.search_runs import cases_of, execute, fits, plan, prepare, publish, publish_table
from harness.run.search_score import table_record
from harness.run.table import hidden_columns, load_table

METHODS = Path(__file__).parents[2] / "methods"
TRADE_OFF = "cifar100_eyeriss-latency"


@pytest.fixture(scope="session")
def cells(place):
    """The cell search at smoke scale."""
    return prepare(registry.find_table_task("cell_search"), "smoke", place)


@pytest.fixture
def search_of(cells, place):
    """A run of a method, of the project by name or of tests/methods/ by file, on one case."""

    def make(name, case="cifar10", seeds=(0, 1), settings="0", **budget):
        known = registry.methods()
        path = METHODS / f"{name}.py"
        method = known[name] if name in known else registry.read_listing(path, "submitted")
        chosen = cases_of(cells, [case])
        if budget:
            chosen = [replace(one, budget=replace(one.budget, **budget)) for one in chosen]
        return plan(cells, [method], chosen, place, seeds, settings)[0]

    return make


def fault(kind: str) -> str:
    """The setting that makes search_faults.py fail in a way."""
    return f'{{"fault": "{kind}"}}'


@pytest.mark.parametrize(
    ("kind", "status", "cause"),
    [
        ("nothing", "failed", "solve committed no answer; return problem.best() or front()"),
        ("outside", "failed", "is outside the space NAS-Bench-201 topology"),
        ("text", "failed", "is outside the space"),
        ("raises", "failed", "RuntimeError: gave up"),
        ("overspends", "over_budget", "1 more queries are above the budget: 40 of 40"),
        ("hides_queries", "failed", "the log of queries was changed: it spends more than 40"),
        (
            "forgets",
            "failed",
            "the answer was never queried",
        ),
        (
            "unasked",
            "failed",
            "the answer was never queried",
        ),
        ("forges", "failed", "the log of queries was changed: it names architectures outside"),
        ("exits", "crashed", "exit code"),
        ("crashes", "crashed", "exit code 7"),
    ],
)
def test_a_seed_that_fails_is_on_record_with_its_cause(search_of, kind, status, cause):
    record, trace, _ = execute(search_of("search_faults", settings=fault(kind)))
    assert (record.status, trace, record.trace_sha256) == (status, {}, None)
    assert [one.seed for one in record.failures] == [0, 1]
    assert cause in record.failures[0].cause
    assert "\n" not in record.failures[0].cause


def test_a_seed_that_never_ends_is_stopped_at_its_time_limit(search_of):
    run = search_of("search_faults", seeds=(0,), settings=fault("sleeps"), wall_seconds=2.0)
    record, _, _ = execute(run)
    assert (record.status, record.failures[0].cause) == ("timeout", "still running after 2 s")


def test_seeds_that_answer_count_when_others_fail(search_of):
    run = search_of("search_faults", seeds=range(8), settings=fault("odd"))
    record, trace, _ = execute(run)
    failed = {one.seed for one in record.failures}
    assert record.status == "failed"
    assert 0 < len(failed) < 8
    assert set(trace["seed"].tolist()) == set(range(8)) - failed


@pytest.mark.skipif(sandbox.available() is not None, reason=f"no sandbox: {sandbox.available()}")
def test_a_method_that_goes_looking_for_test_values_finds_nothing(search_of, place):
    run = search_of("random_search")
    publish(run, *execute(run)[:2])  # so that there are records and traces to be found
    record, _, _ = execute(search_of("search_seeks_test_data", seeds=(0,)))
    assert record.failures[0].cause == "LookupError: found [] in some memory"
    assert record.environment["sandbox"] == "namespaces"


def test_a_trade_off_is_answered_with_queried_architectures_only(search_of):
    record, _, _ = execute(search_of("search_answers_all", TRADE_OFF))
    assert "architectures that were never queried" in record.failures[0].cause


def test_a_finished_run_is_reused_and_gives_the_same_trace(search_of, place):
    run = search_of("random_search", seeds=(3, 4))
    first, trace, reused = execute(run)
    again, stored, reused_now = execute(run)
    assert (reused, reused_now) == (False, True)
    assert first == again
    assert traces.digest(stored) == traces.digest(trace) == first.trace_sha256


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_the_same_seed_gives_the_same_trace_on_any_number_of_cores(
    search_of, place, tmp_path, processes
):
    run = search_of("regularized_evolution", seeds=(5, 6, 7))
    elsewhere = replace(run, place=replace(place, runs=tmp_path, threads=processes))
    assert execute(run)[0].trace_sha256 == execute(elsewhere)[0].trace_sha256


def test_seeds_that_never_end_are_stopped_side_by_side(search_of, place, tmp_path):
    run = search_of("search_faults", seeds=range(4), settings=fault("sleeps"), wall_seconds=2.0)
    run = replace(run, place=replace(place, runs=tmp_path, threads=4))
    begin = time.monotonic()
    record, _, _ = execute(run)
    assert [one.status for one in record.failures] == ["timeout"] * 4
    assert time.monotonic() - begin < 30


def test_a_trace_has_each_change_of_the_best_and_the_answer(search_of, cells):
    run = search_of("random_search", seeds=(0,))
    record, trace, _ = execute(run)
    table = load_table(cells.task, run.case, cells.data)
    lines = ~trace["answer"]
    assert (np.diff(trace["validation"][lines]) > 0).all()
    assert (np.diff(trace["queries"][lines]) > 0).all()
    answer = trace["architecture"][trace["answer"]]
    assert answer.tolist() == [record.answers[0].architecture]
    assert trace["queries"][trace["answer"]].tolist() == [40]
    assert trace["architecture"][lines][-1] == answer[0]
    tests = hidden_columns(cells.task, cells.data)
    assert trace["test_cifar100"][-1] == np.float32(tests["cifar100"][answer[0]])
    assert trace["validation"][-1] == np.float32(table.quality[-1][answer[0]])


def test_a_trade_off_keeps_the_front_by_validation(search_of):
    _, trace, _ = execute(search_of("random_search", TRADE_OFF, seeds=(0,)))
    answers = trace["answer"]
    order = np.argsort(trace["cost"][answers])
    assert (np.diff(trace["validation"][answers][order]) > 0).all()


def test_results_hold_records_and_traces_and_load_again(search_of, place, cells):
    run = search_of("random_search")
    record, trace, _ = execute(run)
    publish(run, record, trace)
    publish(run, record, trace)
    publish_table(cells, place)
    folder = place.results / "cell_search"
    rows = read_records([folder / "random_search.smoke.jsonl"])
    assert [row.key for row in rows].count(record.key) == 1
    stored = traces.read(folder / "random_search.smoke.parquet")[record.key]
    assert traces.digest(stored) == record.trace_sha256
    assert isinstance(parse_line(to_line(record)), SearchRecord)


def test_the_table_record_has_exact_fronts_and_a_symmetric_matrix_of_ranks(cells):
    record = table_record(replace(cells, task=replace(cells.task, cases=cells.task.cases[-27:-24])))
    for front in record.fronts.values():
        costs, _, tests = np.array(front).T
        assert (np.diff(costs) > 0).all()
        assert (np.diff(tests) > 0).all()
    for matrix in record.correlations.values():
        assert np.allclose(np.diag(matrix), 1)
        assert np.allclose(matrix, np.transpose(matrix))


def test_what_decides_the_outcome_is_in_the_key(search_of):
    first = search_of("random_search")
    for other in (
        search_of("random_search", "cifar100"),
        search_of("random_search", seeds=(1, 2)),
        search_of("hyperband"),
        replace(first, setting={"more": 1}),
        replace(first, case=replace(first.case, full_epochs=100)),
        replace(first, prepared=replace(first.prepared, sha256="0" * 64)),
    ):
        assert other.key != first.key
    assert replace(first, case=replace(first.case, title="Said otherwise")).key == first.key


def test_wrong_cases_and_methods_are_refused(cells, place):
    with pytest.raises(UsageError, match="no case is named 'imagenet'; cell_search has cifar10,"):
        cases_of(cells, ["imagenet"])
    methods = registry.methods()
    with pytest.raises(UsageError, match=r"'tpe' solves Search problems \(quality\); no chosen"):
        plan(cells, [methods["tpe"]], cases_of(cells, [TRADE_OFF]), place)
    assert not fits(methods["static_int8"], cells.task, cells.task.cases[0])
