"""Data sets in a checked cache: official files are read once, train / validation / test apart.

The cache folder is `--data`, else `$SLIMBENCH_DATA`, else `~/.cache/slimbench/data`. Hidden test
data lies in a folder of its own, so that a sandboxed run can be given the rest without it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

from harness import environment
from harness.errors import DataError
from harness.record import sha256_of, write_atomically
from harness.types import DataSet, Split

SPLITS = ("train", "validation", "test")


class Lookup:
    """An array whose rows are looked up: row i is `table[index[i]]`, so equal rows are stored once.

    Reads like the array (len(index), *shape) that it stands for; only the rows asked for are made.
    """

    def __init__(self, table: np.ndarray, index: np.ndarray) -> None:
        self.table, self.index = table, index
        self.shape, self.dtype = (len(index), *table.shape[1:]), table.dtype

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> np.ndarray:
        return np.asarray(self.table[self.index[rows]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


def lookup(table: np.ndarray, index: np.ndarray) -> np.ndarray:
    """A Lookup, typed as the array that it stands for, to be one of a Split's inputs."""
    if len(index) and not 0 <= index.min() <= index.max() < len(table):
        raise DataError(
            f"rows {index.min()} to {index.max()} are looked up in a table of {len(table)}"
        )
    return cast(np.ndarray, Lookup(table, index))


def cache_folder(given: Path | None = None) -> Path:
    """The data cache: the given folder, `$SLIMBENCH_DATA`, or the user's cache."""
    default = Path.home() / ".cache" / "slimbench" / "data"
    return (given or Path(os.environ.get("SLIMBENCH_DATA", default))).resolve()


def check_files(folder: Path, md5: dict[str, str], way_out: str) -> None:
    """Raise DataError unless every official file is there with its published MD5."""
    _check(folder, md5, "md5", way_out)


def check_sha256(folder: Path, sha256: dict[str, str], way_out: str) -> None:
    """Raise DataError unless every official file is there with its known SHA-256."""
    _check(folder, sha256, "sha256", way_out)


def _check(folder: Path, digests: dict[str, str], kind: str, way_out: str) -> None:
    for name, expected in digests.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path} is missing; {way_out}")
        found = hashlib.new(kind, path.read_bytes(), usedforsecurity=False).hexdigest()
        if found != expected:
            raise DataError(
                f"{path}: {kind.upper()} {found} is not the published {expected} "
                f"({path.stat().st_size} bytes): the file is truncated or changed; {way_out}"
            )


def spread(count: int, most: int) -> np.ndarray:
    """Positions of at most `most` of `count` examples, evenly spread, int64."""
    return np.linspace(0, count - 1, min(most, count)).astype(int)


def prepare(dataset: DataSet, source: Path | None, cache: Path) -> Path:
    """Read official files from `source` into the cache and return the data set's folder.

    Raises DataError when no source is given for a data set that is not generated.
    """
    if source is None and not dataset.generated:
        raise DataError(
            f"'{dataset.name}' is read from official files; name their folder with --from DIR"
        )
    return store(dataset.read(source or Path()), cache / dataset.name)


def store(splits: dict[str, Split], folder: Path) -> Path:
    """Write the splits below `folder`, each in its own folder, and the checksums last.

    Raises SlimbenchError when the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _store(splits, folder)
    except OSError:  # numpy's own does not say why
        environment.check_space(folder)
        raise


def _store(splits: dict[str, Split], folder: Path) -> Path:
    checksums: dict[str, str] = {}
    for name, split in splits.items():
        arrays: dict[str, np.ndarray] = {}
        for key, value in split.inputs.items():
            if isinstance(value, Lookup):
                arrays |= {f"input_{key}.table": value.table, f"input_{key}.index": value.index}
            else:
                arrays[f"input_{key}"] = value
        arrays |= {f"context_{key}": value for key, value in split.context.items()}
        for key, array in (arrays | {"targets": split.targets}).items():
            path = folder / name / f"{key}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")
            with part.open("wb") as file:
                np.save(file, np.ascontiguousarray(array), allow_pickle=False)
            part.replace(path)
            checksums[f"{name}/{path.name}"] = sha256_of(path)
    write_atomically(folder / "checksums.json", json.dumps(checksums, sort_keys=True).encode())
    return folder


def is_prepared(folder: Path) -> bool:
    """Whether a data set was written there, to its end."""
    return (folder / "checksums.json").is_file()


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of each prepared file as noted when it was written."""
    path = folder / "checksums.json"
    if not path.is_file():
        raise DataError(
            f"data set '{folder.name}' is not in {folder.parent}; prepare it with "
            f"`slimbench data prepare {folder.name} --from DIR` (a generated set needs no --from), "
            "or use --scale smoke"
        )
    noted: dict[str, str] = json.loads(path.read_text())
    return noted


def data_sha256(folder: Path) -> str:
    """One hash over all prepared files, for keys and records."""
    return sha256_of(json.dumps(checksums(folder), sort_keys=True).encode())


def verify(folder: Path, splits: Iterable[str] = SPLITS) -> None:
    """Raise DataError when a prepared file of `splits` is missing or fails its checksum."""
    for name, expected in checksums(folder).items():
        if name.split("/")[0] in splits:
            path = folder / name
            if not path.is_file() or sha256_of(path) != expected:
                raise DataError(
                    f"{path} is missing or damaged (expected sha256 {expected[:12]}...); "
                    f"run `slimbench data prepare {folder.name} --from DIR` again"
                )


def load_split(folder: Path, name: str) -> Split:
    """Memory-map one prepared split. Raises DataError when it is not there."""
    files = sorted((folder / name).glob("*.npy"))
    if not files:
        raise DataError(f"no {name} split in {folder}; see `slimbench data list`")
    arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in files}
    for key in [key for key in arrays if key.endswith(".table")]:
        plain = key.removesuffix(".table")
        arrays[plain] = lookup(arrays.pop(key), arrays.pop(f"{plain}.index"))
    arrays = dict(sorted(arrays.items()))

    def named(prefix: str) -> dict[str, np.ndarray]:
        kept = {key: value for key, value in arrays.items() if key.startswith(prefix)}
        return {key.removeprefix(prefix): value for key, value in kept.items()}

    return Split(named("input_"), arrays["targets"], named("context_"))


def load_column(folder: Path, split: str, name: str) -> np.ndarray:
    """One array of a prepared split, in memory. Raises DataError when it is not there."""
    path = folder / split / f"{name}.npy"
    try:
        found: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        checksums(folder)
        raise DataError(
            f"{path} is missing or damaged ({error}); "
            f"run `slimbench data prepare {folder.name} --from DIR` again"
        ) from None
    return found
