"""How fast a table answers and loads; slow, since the figures need a quiet machine."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness import data, registry
from harness.run.search import Problem
from harness.run.table import load_table
from tasks.datasets.nasbench201 import generate

TASK = registry.find_table_task("cell_search")
LONG = next(case for case in TASK.cases if case.long)
QUERIES = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated table, of the size of the real one."""
    return data.store(generate(0), tmp_path_factory.mktemp("cells"))


@pytest.fixture
def problem(folder):
    """A problem whose budget does not end."""
    from dataclasses import replace

    case = replace(LONG, budget=replace(LONG.budget, queries=100 * QUERIES))
    return Problem(load_table(TASK, case, folder), case, 0)


def best_seconds(act, times: int = 7) -> float:
    """The shortest of a few runs."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        found.append(time.perf_counter() - begin)
    return min(found)


@pytest.mark.slow
def test_a_million_queries_a_second_at_once(problem):
    asked = np.random.default_rng(0).integers(0, 5, (QUERIES // 10, 6))
    assert len(asked) / best_seconds(lambda: problem.query_many(asked)) >= 1_000_000


@pytest.mark.slow
def test_two_hundred_thousand_queries_a_second_one_by_one(problem):
    asked = [problem.sample() for _ in range(50_000)]

    def act() -> None:
        query = problem.query
        for one in asked:
            query(one)

    assert len(asked) / best_seconds(act) >= 200_000


@pytest.mark.slow
def test_a_table_loads_in_50_ms(folder, tmp_path):
    whole = data.load_split(folder, "validation")
    pd.DataFrame({name: np.asarray(values) for name, values in whole.inputs.items()}).to_parquet(
        tmp_path / "t.parquet"
    )
    ours = best_seconds(lambda: load_table(TASK, LONG, folder))
    theirs = best_seconds(lambda: pd.read_parquet(tmp_path / "t.parquet"))
    print(f"a case {1e3 * ours:.1f} ms, pandas.read_parquet of the table {1e3 * theirs:.1f} ms")
    assert ours < 0.05


def test_loading_a_case(benchmark, folder):
    assert len(benchmark(load_table, TASK, LONG, folder).architectures) == 15_625


def test_a_query(benchmark, problem):
    assert 0 <= benchmark(problem.query, (1, 2, 3, 4, 0, 1)) <= 1
