"""A runs folder that many machines share without a common disk: any fsspec address.

The store is laid out as a local runs folder (TASK/METHOD/SCALE/KEY, TASK/reference/SCALE,
smoke_data/NAME) with the prepared data sets beside it in data/NAME. A file appears whole or not at
all, and a store that does not answer for a while is waited for.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import SlimbenchError

MARK = "slimbench-store"  # there as long as the store answers
LAST = ("checksums.json", "reference.json", "block.json", "solve.json", "record.json")
LEFT_OUT = ("lock", ".lock", ".part")
PATIENCE_SECONDS, LONGEST_PAUSE_SECONDS = 180.0, 10.0
Result = TypeVar("Result")


class Store:
    """Folders by name below one address, for example `s3://bucket/lab` or `/shared/runs`."""

    def __init__(self, url: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Raises SlimbenchError when the address's package is not installed."""
        import fsspec

        self.url = url
        self.patience_seconds = patience_seconds
        try:
            found: tuple[Any, str] = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise SlimbenchError(f"store {url} cannot be opened: {error}") from None
        self.files, self.root = found[0], found[1].rstrip("/")

    def create(self) -> None:
        """Make the store ready; what lies there stays."""

        def make() -> None:
            self.files.makedirs(self.root, exist_ok=True)
            self.files.touch(f"{self.root}/{MARK}")

        self._patiently(make, check=False)

    def is_folder(self, folder: Path) -> bool:
        """Whether the store is that local folder itself."""
        local = "file" in self.files.protocol or "local" in self.files.protocol
        return local and Path(self.root).resolve() == folder.resolve()

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return bool(self._patiently(lambda: self.files.exists(f"{self.root}/{name}")))

    def finished(self, task: str, scale: str) -> set[str]:
        """Names of the run folders of a task that hold a record."""
        pattern = f"{self.root}/{task}/*/{scale}/*/record.json"
        found: list[str] = self._patiently(lambda: self.files.glob(pattern))
        return {path.removeprefix(f"{self.root}/").rpartition("/")[0] for path in found}

    def push(self, folder: Path, name: str) -> None:
        """Upload what the store lacks of a folder; the files that say `done` come last."""
        there = self._sizes(name)
        for path in _ordered(folder.rglob("*")):
            inside = path.relative_to(folder).as_posix()
            if there.get(inside) != path.stat().st_size or path.name in LAST:
                self._patiently(partial(self._put, path, f"{name}/{inside}"))

    def pull(self, name: str, folder: Path) -> bool:
        """Download what a folder lacks; says whether the store has it at all."""
        there = self._sizes(name)
        for inside in sorted(there, key=lambda one: (Path(one).name in LAST, one)):
            target = folder / inside
            if not target.is_file() or target.stat().st_size != there[inside]:
                self._patiently(partial(self._get, f"{name}/{inside}", target))
        return bool(there)

    def _sizes(self, name: str) -> dict[str, int]:
        """Bytes of each file below a folder, by its name inside."""
        top = f"{self.root}/{name}"

        def look() -> dict[str, int]:
            try:
                found = self.files.find(top, detail=True)
            except FileNotFoundError:
                return {}
            return {
                path.removeprefix(f"{top}/"): int(entry["size"])
                for path, entry in found.items()
                if not path.endswith(LEFT_OUT)
            }

        return self._patiently(look)

    def _put(self, path: Path, name: str) -> None:
        target = f"{self.root}/{name}"
        part = f"{target}.{uuid.uuid4().hex}.part"
        self.files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.files.put_file(str(path), part)
        self.files.mv(part, target)

    def _get(self, name: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
        self.files.get_file(f"{self.root}/{name}", str(part))
        part.replace(target)

    def _patiently(self, work: Callable[[], Result], check: bool = True) -> Result:
        """The result of `work`, tried again while the store does not answer."""
        end, pause = time.monotonic() + self.patience_seconds, 0.2
        while True:
            try:
                if check and not self.files.exists(f"{self.root}/{MARK}"):
                    raise OSError("it does not answer, or was never made ready")
                return work()
            except OSError as error:
                if time.monotonic() > end:
                    raise SlimbenchError(
                        f"store {self.url} failed for {self.patience_seconds:.0f} s: {error}"
                    ) from None
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _ordered(paths: Iterable[Path]) -> list[Path]:
    """Files to upload; those in LAST at the end, in its order."""
    files = sorted(path for path in paths if path.is_file() and not path.name.endswith(LEFT_OUT))
    return sorted(files, key=lambda path: LAST.index(path.name) if path.name in LAST else -1)
