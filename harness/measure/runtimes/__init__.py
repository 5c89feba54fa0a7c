"""Runtimes, one file each: `load(path, threads, precision)`, `version()`, `LIBRARY`
and `STARTUP_SECONDS`, which a busy machine may need to import and convert before the clock runs.

A loaded model takes `{input: array (batch, *shape)}` and returns a list of arrays on the host;
when the call returns, the work is done. Adding a runtime is adding a file here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from harness.errors import UsageError

Model = Callable[[dict[str, np.ndarray]], list[np.ndarray]]
Load = Callable[[Path, int, str], Model]


class NotRunnableError(Exception):
    """The runtime lacks an operator of the model, or is not there; the message names which."""


def list_runtimes() -> list[str]:
    """Names of the runtimes that this version of slimbench has a file for."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find_runtime(name: str) -> ModuleType:
    """The module of a runtime. Raises UsageError for a name without a file."""
    if name not in list_runtimes():
        raise UsageError(f"no runtime '{name}'; the runtimes are {', '.join(list_runtimes())}")
    return importlib.import_module(f"harness.measure.runtimes.{name}")
