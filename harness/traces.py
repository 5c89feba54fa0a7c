"""Searches as tables: when each seed's best so far changed, and what it answered.

One Parquet file a method holds all its cases and seeds; `run` is the key of the record it belongs
to. Values are looked up by the harness, never reported by the method.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as arrow
from pyarrow import parquet

from harness.errors import UsageError
from harness.record import sha256_of, write_atomically

# `queries` and `seconds` are what was spent when the query ended, `architecture` a row of the
# table, `cost` in the device's unit (NaN without one), `answer` marks what was committed.
COLUMNS: Mapping[str, str] = {
    "seed": "int32",
    "queries": "float32",
    "seconds": "float32",
    "architecture": "int32",
    "fidelity": "int16",
    "validation": "float32",
    "cost": "float32",
    "answer": "bool",
}
TEST = "test_"  # one more float32 column for each data set of the table
Trace = dict[str, np.ndarray]


def joined(parts: Iterable[Trace]) -> Trace:
    """Traces of several seeds as one."""
    listed = list(parts)
    return {name: np.concatenate([part[name] for part in listed]) for name in listed[0]}


def digest(trace: Trace) -> str:
    """SHA-256 of a trace's columns, for its record."""
    parts = [name.encode() + np.ascontiguousarray(trace[name]).tobytes() for name in sorted(trace)]
    return sha256_of(b"\0".join(parts))


def read(path: Path) -> dict[str, Trace]:
    """The traces of a file by the key of their record. Raises UsageError when it is damaged."""
    if not path.is_file():
        return {}
    try:
        table = parquet.ParquetFile(path).read()  # read_table would import pandas
        columns = {name: _numbers(table[name]) for name in table.column_names if name != "run"}
        keys = table["run"].combine_chunks().dictionary_encode()
        numbers, names = np.from_dlpack(keys.indices), keys.dictionary.to_pylist()
    except (arrow.ArrowException, OSError, KeyError) as error:
        raise UsageError(
            f"{path} is no whole file of traces ({error}); restore it from git"
        ) from None
    order = np.argsort(numbers, kind="stable")
    cuts = np.searchsorted(numbers[order], range(1, len(names)))
    parts = np.split(order, cuts)
    return {
        key: {name: values[part] for name, values in columns.items()}
        for key, part in zip(names, parts, strict=True)
    }


def _numbers(column: arrow.ChunkedArray) -> np.ndarray:
    """A column (n,) without `to_numpy`, which would import pandas."""
    if arrow.types.is_boolean(column.type):
        return _numbers(column.cast("uint8")).astype(bool)
    return np.from_dlpack(column.combine_chunks())


def merge_into(path: Path, key: str, trace: Trace) -> None:
    """Add one record's trace to a file, atomically; an earlier one of that key is replaced."""
    traces = {**read(path), key: trace}
    runs = np.concatenate([np.full(len(traces[one]["seed"]), one) for one in sorted(traces)])
    columns = joined(traces[one] for one in sorted(traces))
    table = arrow.table({"run": arrow.array(runs).dictionary_encode(), **columns})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd", compression_level=12)
    write_atomically(path, buffer.getvalue())
