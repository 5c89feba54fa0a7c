"""Traces: what a Parquet file gives back is what went in, and damage is noticed."""

import numpy as np
import pytest

from harness import traces
from harness.errors import UsageError


def made(seeds: int, start: float = 0.5) -> traces.Trace:
    """A trace of one line a seed."""
    columns = {
        name: (np.arange(seeds) + start).astype(kind) for name, kind in traces.COLUMNS.items()
    }
    columns["cost"] = np.full(seeds, np.nan, np.float32)
    return columns | {f"{traces.TEST}d": np.linspace(0, 1, seeds, dtype=np.float32)}


def same(first: traces.Trace, second: traces.Trace) -> bool:
    """Whether two traces have equal columns of equal types."""
    return first.keys() == second.keys() and all(
        first[name].dtype == second[name].dtype
        and np.array_equal(first[name], second[name], equal_nan=first[name].dtype.kind == "f")
        for name in first
    )


def test_a_file_gives_back_every_trace_with_types_and_digest(tmp_path):
    path = tmp_path / "m.parquet"
    whole = {"k2": made(4), "k1": made(700, 40_000.0), "k3": made(1)}
    for key, trace in whole.items():
        traces.merge_into(path, key, trace)
    found = traces.read(path)
    assert found.keys() == whole.keys()
    for key, trace in whole.items():
        assert same(found[key], trace)
        assert traces.digest(found[key]) == traces.digest(trace)


def test_a_trace_of_the_same_key_is_replaced(tmp_path):
    path = tmp_path / "m.parquet"
    traces.merge_into(path, "k", made(9))
    traces.merge_into(path, "k", made(2))
    assert same(traces.read(path)["k"], made(2))


def test_the_digest_sees_one_changed_value():
    first, second = made(5), made(5)
    second["validation"][3] += 0.001
    assert traces.digest(first) != traces.digest(second)


def test_a_missing_file_has_no_traces_and_a_damaged_one_says_so(tmp_path):
    path = tmp_path / "m.parquet"
    assert traces.read(path) == {}
    traces.merge_into(path, "k", made(50))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match=r"is no whole file of traces .* restore it from git"):
        traces.read(path)
