"""How tasks and methods are found: by folder, by entry point, or by path; listing imports no torch.

A task is a folder with a `task.py` that defines `TASK` (a module free of torch). A method is a
file that defines `METHOD = Method(...)`; its literal fields are read from the syntax tree, and the
file is imported only when it runs.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args

from harness.errors import UsageError
from harness.record import sha256_of
from harness.types import DataSet, Method, Scale, Setting, TableTask, Task

CASE_KINDS = {"quality", "long", "trade_off", "trained"}
SHARED = "supernet"  # of the methods that need a space with one
ROOT = Path(__file__).resolve().parent.parent
WRITTEN_OUT: Mapping[str, tuple[str, Callable[[Any], bool]]] = {  # field: (example, test)
    "name": ('name="my_method"', lambda value: isinstance(value, str)),
    "version": ("version=1", lambda value: type(value) is int),
    "settings": ('settings=({"speed_up": 2.0},), a comma after each', lambda v: _all(v, dict)),
    "modalities": ('modalities=("image",), a comma after each', lambda value: _all(value, str)),
}


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(one, kind) for one in value)


@dataclass(frozen=True)
class MethodListing:
    """What is known of a method without importing it."""

    name: str
    version: int
    family: str
    solves: str
    summary: str
    source: str
    settings: tuple[Setting, ...]
    modalities: tuple[str, ...]
    small_baseline: bool
    uses_proxies: bool
    path: Path
    source_sha256: str


def tasks() -> Mapping[str, Task]:
    """The tasks on models by name. Raises UsageError when two tasks have one name."""
    return {name: task for name, task in _all_tasks().items() if isinstance(task, Task)}


def table_tasks() -> Mapping[str, TableTask]:
    """The tasks on tables of trained architectures by name."""
    return {name: task for name, task in _all_tasks().items() if isinstance(task, TableTask)}


def datasets() -> Mapping[str, DataSet]:
    """The data sets of all tasks by name."""
    return {task.dataset.name: task.dataset for task in _all_tasks().values()}


@cache
def _all_tasks() -> Mapping[str, Task | TableTask]:
    modules = [f"tasks.{path.parent.name}.task" for path in (ROOT / "tasks").glob("*/task.py")]
    modules += [entry.value for entry in entry_points(group="slimbench.tasks")]
    found: dict[str, Task | TableTask] = {}
    for module in sorted(modules):
        task: Task | TableTask = importlib.import_module(module.split(":")[0]).TASK
        if task.name in found:
            raise UsageError(f"two tasks are named '{task.name}': {module} and another; rename one")
        found[task.name] = task
    return found


def methods(extra: Iterable[Path] = ()) -> Mapping[str, MethodListing]:
    """All methods by name, files given by path included. Raises UsageError on a name twice."""
    files = [(path, path.parent.name) for path in sorted((ROOT / "baselines").glob("*/*.py"))]
    files.append((ROOT / "harness" / "run" / "reference_as_it_is.py", "reference"))
    for entry in entry_points(group="slimbench.methods"):
        spec = importlib.util.find_spec(entry.value.split(":")[0])
        if spec is not None and spec.origin:
            files.append((Path(spec.origin), "plug-in"))
    files += [(path, "submitted") for path in extra]
    found: dict[str, MethodListing] = {}
    for path, family in files:
        if path.name == "__init__.py":
            continue
        listing = read_listing(path, family)
        if listing.name in found:
            raise UsageError(
                f"two methods are named '{listing.name}': {found[listing.name].path} and {path}; "
                "rename one"
            )
        found[listing.name] = listing
    return found


def read_listing(path: Path, family: str) -> MethodListing:
    """Literal fields of `METHOD = Method(...)`. Raises UsageError when the file has none."""
    try:
        source = path.read_bytes()
        tree = ast.parse(source, str(path))
    except OSError as error:
        raise UsageError(f"method file {path} cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"method file {path} has a syntax error: {error}") from None
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    call = constants.get("METHOD")
    if not isinstance(call, ast.Call):
        raise UsageError(f"method file {path} has no `METHOD = Method(...)`; see CONTRIBUTING.md")
    fields = {word.arg: _literal(word.value, constants) for word in call.keywords if word.arg}
    for name, (example, fits) in WRITTEN_OUT.items():
        if name in fields and fields[name] is None:
            raise UsageError(
                f"method file {path}: `{name}` must be written out, since listing does not import"
            )
        if name in fields and not fits(fields[name]):
            raise UsageError(
                f"method file {path}: `{name}` is {str(fields[name])[:80]!r}; write it as {example}"
            )
    return MethodListing(
        name=str(fields.get("name", path.stem)),
        version=int(fields.get("version", 1)),
        family=family,
        solves=str(fields.get("solves", "Compression")),
        summary=(ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " "),
        source=str(fields.get("source", "")),
        settings=tuple(fields.get("settings") or ({},)),
        modalities=tuple(fields.get("modalities") or ()),
        small_baseline=bool(fields.get("small_baseline", False)),
        uses_proxies=bool(fields.get("uses_proxies", False)),
        path=path,
        source_sha256=sha256_of(source),
    )


def _literal(node: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    if isinstance(node, ast.Name):
        return _literal(constants[node.id], {}) if node.id in constants else node.id
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def load_method(path: Path) -> Method:
    """Import a method file and return its METHOD."""
    inside = path.is_relative_to(ROOT / "baselines")
    if inside:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name)
    else:
        spec = importlib.util.spec_from_file_location(f"slimbench_method_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise UsageError(f"method file {path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    method: Method = module.METHOD
    return method


def find_task(name: str) -> Task:
    """The task on models of that name. Raises UsageError with the nearest name of any task."""
    task = _find(name, _all_tasks(), "task")
    if not isinstance(task, Task):
        raise UsageError(f"{name} is a task on a table of architectures; this needs one on models")
    return task


def variant_name(task: str, reference: str | None) -> str:
    """The name of a task with another pretrained reference: `TASK@ORGANISATION--MODEL`.

    Raises UsageError when the reference's name holds the `--` that stands for a slash.
    """
    if reference is None:
        return task
    if "--" in reference:
        raise UsageError(
            f"--reference {reference}: `--` stands for a slash in the names of runs; rename it"
        )
    local = Path(reference)
    named = str(local.resolve()) if local.is_dir() else reference
    return f"{task}@{named.replace('/', '--')}"


def find_variant(name: str, checkpoint: str | None = None) -> Task:
    """As find_task; `TASK@REFERENCE` is the task with another pretrained reference.

    `checkpoint` is the folder of its weights where that was found before. Raises UsageError when
    the task takes no other reference, DataError when the reference is not to be had or unfit.
    """
    plain, _, reference = name.partition("@")
    task = find_task(plain)
    if not reference:
        return task
    if task.variant is None:
        takes = ", ".join(one.name for one in tasks().values() if one.variant)
        raise UsageError(f"{plain} takes no other reference; those that do: {takes or 'none'}")
    return replace(
        task.variant(checkpoint or reference.replace("--", "/")), name=name.replace("/", "--")
    )


def find_table_task(name: str) -> TableTask:
    """The table task of that name. Raises UsageError with the nearest name of any task."""
    task = _find(name, _all_tasks(), "task")
    if not isinstance(task, TableTask):
        raise UsageError(f"{name} is a task on models; this needs one on a table of architectures")
    return task


def table_of(task: Task) -> TableTask | None:
    """The table task that a task's found architectures are looked up in, if there is one."""
    return find_table_task(task.search.table) if task.search and task.search.table else None


def find_method(name: str, extra: Iterable[Path] = ()) -> MethodListing:
    """The method of that name. Raises UsageError with the nearest name."""
    method: MethodListing = _find(name, methods(extra), "method")
    return method


def scale_of(name: str) -> Scale:
    """A checked scale. Raises UsageError for another word."""
    if name not in get_args(Scale):
        raise UsageError(f"no scale is named '{name}'; there are smoke, standard and full")
    return name  # type: ignore[return-value]


def applies(method: MethodListing, task: Task) -> bool:
    """Whether the task poses the method's kind of problem on data that the method takes."""
    if method.solves == "Search":
        if task.search is None or "trained" not in method.modalities:
            return False
        if SHARED in method.modalities and task.search.supernet is None:
            return False
        kinds = set(method.modalities) - CASE_KINDS - {SHARED}  # of data, if it names any
        return not kinds or task.modality in kinds
    return method.solves in task.poses and (
        not method.modalities or task.modality in method.modalities
    )


def _find(name: str, known: Mapping[str, Any], kind: str) -> Any:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UsageError(f"no {kind} is named '{name}'; {hint}`slimbench list` shows all")
