"""Rows whose method's file changed since, under one version and without a note that scores stay."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from harness.record import sha256_of
from harness.record_row import MethodBlock

METHODS = Path(__file__).parent.parent / "baselines"
NOTES = METHODS / "scores_unchanged.toml"
DIGITS = 12  # of a source's sha256, as notes name it


@cache
def notes() -> Mapping[str, Mapping[str, str]]:
    """Why scores stayed the same, by method and the digits of an earlier source."""
    return tomllib.loads(NOTES.read_text())


@cache
def _here(name: str) -> tuple[int, str] | None:
    """Version and sha256 of a method's file, None where there is none; nothing is imported."""
    path = next(METHODS.glob(f"*/{name}.py"), None) if name.isidentifier() else None
    if path is None:
        return None
    source = path.read_bytes()
    version = re.search(rb"^    version=(\d+),$", source, re.MULTILINE)
    return int(version[1]) if version else 1, sha256_of(source)


def is_stale(method: MethodBlock) -> bool:
    """Whether the method's file here is another one, of the same version, that no note explains.

    Methods without a file here, such as submitted ones, are never stale.
    """
    here = _here(method.name)
    if here is None or here[0] != method.version or method.family == "submitted":
        return False
    noted = notes().get(method.name, {})
    return here[1] != method.source_sha256 and method.source_sha256[:DIGITS] not in noted


def complaints(methods: Iterable[MethodBlock]) -> Iterator[str]:
    """A sentence for each stale method and source."""
    stale = {
        (one.name, one.version, one.source_sha256[:DIGITS]) for one in methods if is_stale(one)
    }
    for name, version, source in sorted(stale):
        yield (
            f"{name} version {version} has rows made with source {source}, and its file is another "
            f"one now: give it a new version, or say in {NOTES.name} why scores stay the same"
        )
