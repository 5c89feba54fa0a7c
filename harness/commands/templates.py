"""`slimbench new`: files that run as they are."""

from __future__ import annotations

import re
from pathlib import Path

from harness import registry
from harness.errors import UsageError

METHOD = '''"""{title}: say in one sentence what it does.

Source: name the paper. Departs from it: say how.
"""

from torch import nn

from harness import Compression, Method


def solve(problem: Compression, width: float) -> nn.Module:
    """A smaller network of the reference's family, taught by the reference."""
    return problem.train(problem.build(width=width), teacher=problem.reference())


METHOD = Method(
    name="{name}",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({{"width": 0.5}}, {{"width": 0.25}}, {{"width": 0.125}}),
    source="unpublished",
)
'''

TASK = '''"""{title}: say in one sentence what is asked; the card is README.md beside this file."""

from dataclasses import replace
from pathlib import Path

from harness import Limit
from tasks.mnist_mlp_microcontroller.task import TASK as EXAMPLE

# Everything that is not replaced here is the example's: data, model, recipe, budgets, scores.
TASK = replace(
    EXAMPLE,
    name="{name}",
    version=1,
    title="{title}",
    limits=(Limit("quality", "at_least", 0.97), Limit("size_bytes", "at_most", 50e3)),
    folder=Path(__file__).parent,
)
'''


def new_method(name: str, folder: Path) -> str:
    """Write NAME.py into `folder`; says how to run it. Raises UsageError if it is there."""
    path = folder / f"{_checked(name)}.py"
    if name in registry.methods():
        raise UsageError(f"a method is named '{name}' already; choose another name")
    _write(path, METHOD.format(name=name, title=_title(name)))
    return (
        f"wrote {path}; try it: slimbench run mnist_mlp_microcontroller {name} "
        f"--method-file {path} --scale smoke"
    )


def new_task(name: str) -> str:
    """Write tasks/NAME/; says how to run it. Raises UsageError if it is there."""
    folder = registry.ROOT / "tasks" / _checked(name)
    _write(folder / "task.py", TASK.format(name=name, title=_title(name)))
    _write(folder / "__init__.py", f'"""{_title(name)}."""\n')
    _write(
        folder / "README.md",
        f"# {_title(name)}\n\nWhat it asks; its data and their licence; its limits and budget.\n\n"
        "Known flaws: name them.\n",
    )
    return f"wrote {folder}; try it: slimbench run {name} width_scaled --scale smoke"


def _write(path: Path, text: str) -> None:
    if path.exists():
        raise UsageError(f"{path} is there already; choose another name or delete it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _checked(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name):
        raise UsageError(f"'{name}' is no name: use 2 to 41 of a-z, 0-9 and _, a letter first")
    return name


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
