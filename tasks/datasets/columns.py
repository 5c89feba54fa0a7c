"""Columns of Parquet files, with errors that name the file and the column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.errors import DataError


def parquet_columns(path: Path, order: str) -> Mapping[str, np.ndarray]:
    """A file's columns, rows sorted by the column `order`.

    Raises DataError when the file is missing or damaged, or a column is asked for that it lacks.
    """
    from pyarrow import ArrowException, parquet

    if not path.is_file():
        raise DataError(f"{path} is missing; --from takes the folder that holds it")
    try:
        table = parquet.read_table(path).sort_by(order)
    except (ArrowException, OSError, KeyError) as error:
        raise DataError(f"{path} is no whole Parquet table ({error}); copy it again") from None
    return _Columns(path, {name: table[name].to_numpy() for name in table.column_names})


class _Columns(dict[str, np.ndarray]):
    def __init__(self, path: Path, columns: Mapping[str, np.ndarray]) -> None:
        super().__init__(columns)
        self.path = path

    def __missing__(self, name: str) -> np.ndarray:
        raise DataError(f"{self.path} has no column '{name}'; take the published release")
