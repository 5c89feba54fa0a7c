"""Artifacts too large for git: kept in a folder or a bucket by fsspec, fetched by sha256.

Addresses come from strangers, so only https, http, s3, hf and a local folder named on this side
are followed; what arrives counts only if its length and sha256 are those that were promised.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import IO, Any

from harness.errors import RefusedError, SlimbenchError, UsageError
from harness.record import sha256_of
from harness.submit.bundle import Pointer

LARGEST_BESIDE_BYTES = 4 * 10**6
LARGEST_BYTES = 200 * 10**6
REMOTE = re.compile(r"(https?|s3|hf)://[^:]+(:\d+)?[^:]*", re.ASCII)  # no chain of file systems
CHUNK = 1 << 20


def put(artifact: Path, store: str) -> Pointer:
    """Copy an artifact into a store (folder, s3://..., hf://...) and return its address.

    Raises SlimbenchError when the store refuses it.
    """
    sha256 = sha256_of(artifact)
    local = "://" not in store
    url = f"{Path(store).resolve() if local else store.rstrip('/')}/{sha256}.onnx"
    if local:
        Path(store).mkdir(parents=True, exist_ok=True)
    try:
        with _open(url, "wb") as out:
            out.write(artifact.read_bytes())
    except (OSError, ImportError) as error:
        raise SlimbenchError(f"{url} cannot be written: {error}") from None
    return Pointer(url=url, sha256=sha256, size_bytes=artifact.stat().st_size)


def fetch(pointer: Pointer, into: Path, store: str | None = None) -> Path:
    """Download a pointer's artifact to `into`, never more bytes than it promises.

    `store` is the local folder that may be read, if any. Raises RefusedError when the address is
    not allowed, does not answer, or holds another file.
    """
    _check_address(pointer, store)
    digest, size = hashlib.sha256(), 0
    try:
        with _open(pointer.url, "rb") as source, into.open("xb") as out:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > pointer.size_bytes:
                    raise RefusedError(
                        f"{pointer.url} holds more than the {pointer.size_bytes} bytes it promises"
                    )
                digest.update(chunk)
                out.write(chunk)
    except ImportError as error:
        raise UsageError(f"{pointer.url} needs a package that is not installed: {error}") from None
    except (OSError, ValueError) as error:
        raise RefusedError(f"{pointer.url} cannot be read: {str(error)[:200]}") from None
    if (size, digest.hexdigest()) != (pointer.size_bytes, pointer.sha256):
        raise RefusedError(
            f"{pointer.url} holds another file ({size} bytes, sha256 {digest.hexdigest()[:12]}...) "
            f"than promised ({pointer.size_bytes} bytes, {pointer.sha256[:12]}...)"
        )
    return into


def _check_address(pointer: Pointer, store: str | None) -> None:
    if pointer.size_bytes > LARGEST_BYTES:
        raise RefusedError(
            f"the artifact has {pointer.size_bytes / 1e6:.0f} MB; the limit is "
            f"{LARGEST_BYTES / 1e6:.0f} MB"
        )
    if REMOTE.fullmatch(pointer.url):
        return
    path = Path(pointer.url)
    inside = store is not None and path.is_absolute() and _is_below(path, Path(store))
    if not inside:
        raise RefusedError(
            f"address {pointer.url[:120]!a} is not followed; use https, s3, hf, or a folder that "
            "`verify --store` names"
        )


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _open(url: str, mode: str) -> IO[bytes]:
    import fsspec

    opened: Any = fsspec.open(url, mode)
    file: IO[bytes] = opened.open()
    return file
