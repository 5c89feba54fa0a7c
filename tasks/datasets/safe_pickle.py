"""Pickles of numbers, text and plain containers, read without running what they ask for.

Source: Python's documentation of pickle, "Restricting globals". Going beyond it: numpy's own names
are not enough to be safe, since `numpy.ndarray(shape, "O", buffer)` makes objects of any bytes; so
arrays and scalars are rebuilt here, of numbers only.
"""

from __future__ import annotations

import bz2
import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from harness.errors import DataError

NUMBERS = re.compile(r"\|?[?biuf][0-9]{0,2}")
# What a damaged or hostile pickle raises when an opcode does not fit; refusals are DataErrors.
DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    pickle.UnpicklingError,
)


def unpickle(path: Path) -> Any:
    """The content of a file, `.pbz2` or plain. Raises DataError when it is damaged or unsafe."""
    try:
        with _opened(path) as file:
            return _Unpickler(file).load()
    except DAMAGED as error:
        raise DataError(f"{path} is no whole official file ({error}); download it again") from None


def _opened(path: Path) -> IO[bytes]:
    return bz2.open(path) if path.suffix == ".pbz2" else path.open("rb")


class _Unpickler(pickle.Unpickler):
    """Refuses every name but those below, before anything is called."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self._names = _known()

    def find_class(self, module: str, name: str) -> Any:
        found = self._names.get((module, name))
        if found is None:
            raise DataError(
                f"the pickle asks for {module}.{name}, which is not numpy or a plain container: "
                "it was not opened further; take the official file"
            )
        return found


def _known() -> Mapping[tuple[str, str], Any]:
    """What a pickle may name; functions are made anew, so that no file can change them."""

    def array(kind: object, shape: object, code: object) -> np.ndarray:
        return np.empty((0,), "b").view(_Array)

    def number(dtype: _Type, content: bytes) -> Any:
        return _filled(dtype, content, ())[()]

    def content(text: str, encoding: str) -> bytes:  # how protocol 2 writes bytes
        return text.encode("latin1")

    def no_content() -> bytes:
        return b""

    def type_of(code: str, *options: object) -> _Type:
        return _Type(code)

    rebuilt: dict[str, Callable[..., Any]] = {"_reconstruct": array, "scalar": number}
    numpy_names = ("numpy.core.multiarray", "numpy._core.multiarray")
    return {
        ("collections", "OrderedDict"): OrderedDict,
        **{(module, "set"): set for module in ("builtins", "__builtin__")},
        **{(module, "frozenset"): frozenset for module in ("builtins", "__builtin__")},
        ("_codecs", "encode"): content,
        ("__builtin__", "bytes"): no_content,
        ("numpy", "ndarray"): "ndarray",  # only handed to _reconstruct, never called
        ("numpy", "dtype"): type_of,
        **{(module, name): made for module in numpy_names for name, made in rebuilt.items()},
    }


class _Type:
    """A dtype of numbers; `__setstate__` takes numpy's (version, byte order, ...)."""

    def __init__(self, code: str) -> None:
        if not isinstance(code, str) or not NUMBERS.fullmatch(code):
            raise DataError(f"the pickle has an array of type {str(code)[:20]!r}, not of numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that checks what it is filled with."""

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, by_column, content = state
        filled = _filled(dtype, content, shape)
        whole: Any = (1, filled.shape, filled.dtype, bool(by_column), filled.tobytes())
        super().__setstate__(whole)


def _filled(dtype: object, content: object, shape: tuple[int, ...]) -> np.ndarray:
    """Bytes as an array in C order. Raises DataError unless they fit type and shape."""
    if not isinstance(dtype, _Type) or not isinstance(content, bytes):
        raise DataError("the pickle has an array that is not of numbers; take the official file")
    if len(content) != dtype.dtype.itemsize * math.prod(shape):
        raise DataError(
            f"the pickle has {len(content)} bytes for an array of shape {shape}; download it again"
        )
    return np.frombuffer(content, dtype.dtype).reshape(shape)
