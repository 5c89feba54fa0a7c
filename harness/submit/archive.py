"""A stranger's zip or folder copied to a clean folder: known names, plain files, bounded sizes.

Nothing is extracted by name: each entry is read as bytes, up to its limit, and written under a
name from our own list. So no entry can lead outside, link elsewhere or fill the disk.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from harness.errors import RefusedError, UsageError

# Which files a bundle may hold, and how many bytes each may have.
PLACES = {
    r"bundle\.json": 10**6,
    r"card\.toml": 10**5,
    r"records\.jsonl": 20 * 10**6,
    r"method\.py": 10**6,
    r"artifacts/[0-9a-f]{16}\.onnx": 200 * 10**6,
    r"artifacts/[0-9a-f]{16}\.json": 10**4,
    r"predictions/[0-9a-f]{16}\.npz": 20 * 10**6,
    r"traces/[0-9a-f]{16}\.npz": 20 * 10**6,
}
MOST_FILES = 1000
MOST_ARRAYS = 50  # in one npz
MOST_BYTES = 500 * 10**6
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".whl")
LEFT_BY_SYSTEMS = ("__MACOSX", ".DS_Store", "Thumbs.db")
CHUNK = 1 << 20


def unpack(source: Path, into: Path) -> list[str]:
    """Copy a bundle's files into an empty folder; their names, sorted.

    Raises UsageError when there is no such bundle, RefusedError naming the first entry that is
    not allowed.
    """
    if source.is_dir() and not source.is_symlink():
        names = _copy_folder(source, into)
    elif source.is_file():
        names = _copy_zip(source, into)
    else:
        raise UsageError(f"{source} is neither a folder nor an archive; give a bundle")
    if not names:
        raise RefusedError("the bundle is empty; pack it with `slimbench submit`")
    return sorted(names)


def _copy_folder(source: Path, into: Path) -> list[str]:
    found: list[str] = []
    total = 0
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        for name in [*folders, *files]:
            path = here / name
            mode = path.lstat().st_mode
            entry = path.relative_to(source).as_posix()
            if stat.S_ISLNK(mode):
                raise RefusedError(f"{_shown(entry)} is a link; a bundle holds plain files")
            if name in LEFT_BY_SYSTEMS or stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise RefusedError(f"{_shown(entry)} is a device or a pipe, not a plain file")
            limit = _limit(entry)
            _check_size(entry, path.stat().st_size, limit)
            with _plain(path) as file:
                total += _copy(file, into / entry, entry, limit)
            found.append(entry)
            _check_totals(len(found), total)
    return found


@contextmanager
def _plain(path: Path) -> Iterator[IO[bytes]]:
    """The file opened without following a link that was put there a moment ago."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _copy_zip(source: Path, into: Path) -> list[str]:
    try:
        with zipfile.ZipFile(source) as archive:
            return _copy_entries(archive, into)
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, ValueError) as error:
        raise RefusedError(f"the archive is damaged ({error}); pack it again") from None
    except NotImplementedError as error:
        raise RefusedError(f"the archive cannot be read ({error}); use plain zip") from None


def _copy_entries(archive: zipfile.ZipFile, into: Path) -> list[str]:
    entries = [one for one in archive.infolist() if not _left_by_system(one.filename)]
    _check_totals(len(entries), sum(one.file_size for one in entries))
    for entry in entries:
        _check_entry(entry)
    top = _top_folder([one.filename for one in entries])
    found: dict[str, str] = {}
    for entry in entries:
        name = entry.filename.removeprefix(top)
        if entry.is_dir():
            continue
        limit = _limit(name)
        _check_size(name, entry.file_size, limit)
        if name in found:
            raise RefusedError(f"{name} is in the archive twice; pack it again")
        found[name] = name
        with archive.open(entry) as file:
            _copy(file, into / name, name, limit)
    return list(found)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
        raise RefusedError(f"{_shown(name)} leads outside the bundle; use relative names")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise RefusedError(f"{_shown(name)} is a link; a bundle holds plain files")
    if entry.flag_bits & 0x1:
        raise RefusedError(f"{_shown(name)} is encrypted; pack without a password")


def _top_folder(names: list[str]) -> str:
    """The one folder that holds everything, as when a folder was zipped by hand; else nothing."""
    tops = {name.split("/")[0] for name in names}
    alone = len(tops) == 1 and all("/" in name for name in names)
    return f"{tops.pop()}/" if alone else ""


def _left_by_system(name: str) -> bool:
    return any(part in LEFT_BY_SYSTEMS for part in name.split("/")[:1] + name.split("/")[-1:])


def _limit(name: str) -> int:
    """The bytes that a file of this name may have. Raises RefusedError when it has no place."""
    for pattern, limit in PLACES.items():
        if re.fullmatch(pattern, name, re.ASCII):
            return limit
    suffix = Path(name).suffix.lower()
    if suffix in PICKLES:
        raise RefusedError(f"{_shown(name)} may hold a pickle, which runs code; ship ONNX only")
    if suffix in ARCHIVES:
        raise RefusedError(f"{_shown(name)} is an archive in the archive; pack files only")
    known = ", ".join(pattern.replace("\\", "") for pattern in PLACES)
    raise RefusedError(f"{_shown(name)} has no place in a bundle; there are {known}")


def _check_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise RefusedError(
            f"{_shown(name)}: size {size / 1e6:.1f} MB is above the limit {limit / 1e6:.1f} MB"
        )


def _check_totals(count: int, total: int) -> None:
    if count > MOST_FILES:
        raise RefusedError(f"{count} files are above the limit {MOST_FILES}; submit in parts")
    if total > MOST_BYTES:
        raise RefusedError(
            f"unpacked size {total / 1e6:.0f} MB is above the limit {MOST_BYTES / 1e6:.0f} MB; "
            "put artifacts into a store (--store)"
        )


def _copy(file: IO[bytes], target: Path, name: str, limit: int) -> int:
    """Copy at most `limit` bytes, whatever the archive's directory says; how many there were."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with target.open("xb") as out:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            _check_size(name, size, limit)
            out.write(chunk)
    return size


def _shown(name: str) -> str:
    """A name short enough for a message, with what cannot be printed as escapes."""
    return ascii(name if len(name) <= 80 else f"{name[:77]}...")


def plain_arrays(path: Path, what: str, rows: tuple[int, str], limit: int) -> dict[str, np.ndarray]:
    """The arrays of a stranger's npz by name, each of at most `limit` bytes for so many `rows`.

    Raises RefusedError when they are no `what`: pickled, larger, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ARRAYS:
                raise ValueError(f"{len(entries)} arrays are above the limit {MOST_ARRAYS}")
            for entry in entries:
                if entry.file_size > limit:
                    raise ValueError(f"{entry.file_size} bytes for {rows[0]} {rows[1]}")
            return {
                entry.filename.removesuffix(".npy"): np.load(
                    io.BytesIO(archive.read(entry)), allow_pickle=False
                )
                for entry in entries
            }
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, OSError) as error:
        raise RefusedError(f"{path.name} holds no {what}: {error}") from None
    except (MemoryError, OverflowError, NotImplementedError, RuntimeError, SyntaxError) as error:
        raise RefusedError(f"{path.name} cannot be read: {type(error).__name__}") from None
