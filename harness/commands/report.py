"""Commands that only read: list, data list, board, recommend, site."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from harness import data as cache
from harness import registry
from harness.commands.output import COLUMNS, console, number, print_json, print_table, text
from harness.errors import UsageError
from harness.types import DataSet, TableTask, Task

Row = dict[str, Any]
PUBLISHED = registry.ROOT / "leaderboard" / "results"


def catalogue(method_files: Iterable[Path], as_json: bool) -> None:
    """Print tasks, methods and profiles."""
    from harness.measure.profile import list_profiles

    tasks: dict[str, Task | TableTask] = {**registry.tasks(), **registry.table_tasks()}
    methods = registry.methods(method_files)
    if as_json:
        listed = [
            {k: v for k, v in asdict(m).items() if k != "path"} | {"path": str(m.path)}
            for m in methods.values()
        ]
        known = [
            {"name": t.name, "version": t.version, "title": t.title, "data": t.dataset.name}
            for t in tasks.values()
        ]
        print_json({"tasks": known, "methods": listed, "profiles": list_profiles()})
        return
    print_table(
        "Tasks",
        ["task", "version", "what", "data"],
        [[t.name, t.version, t.title, t.dataset.name] for t in tasks.values()],
    )
    print_table(
        "Methods",
        ["method", "family", "settings", "what"],
        [[m.name, m.family, len(m.settings), m.summary] for m in methods.values()],
    )
    console.print("Profiles: " + ", ".join(list_profiles()), soft_wrap=True)


def find_dataset(name: str) -> DataSet:
    """The data set of that name. Raises UsageError with the nearest name."""
    known = registry.datasets()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise UsageError(f"no data set is named '{name}'; did you mean '{near[0]}'?")
    return known[name]


def datasets(given: Path | None) -> None:
    """Print the data sets and whether each is in the cache."""
    folder = cache.cache_folder(given)
    rows = []
    for dataset in registry.datasets().values():
        state = "prepared" if cache.is_prepared(folder / dataset.name) else "missing"
        rows.append([dataset.name, state, dataset.origin, dataset.licence])
    print_table(f"Data sets in {folder}", ["name", "state", "origin", "licence"], rows)


def folders(runs: Path, results: Path | None) -> list[Path]:
    """The published records and the user's own, where they exist.

    Raises UsageError for a results folder that was named and is not there.
    """
    if results is not None and not results.is_dir():
        raise UsageError(f"no folder {results}; name one that `slimbench run` wrote records into")
    own = results or runs / "results"
    return [folder for folder in (PUBLISHED, own) if folder.is_dir()]


def rows_of(task: str, scale: str, where: Sequence[Path], profile: str | None = None) -> list[Row]:
    """The board's rows. Raises UsageError for an unknown task or no record at that scale."""
    import leaderboard

    registry.scale_of(scale)
    registry.find_task(task.partition("@")[0])  # the board of a variant needs no checkpoint
    board_ = leaderboard.load(where)
    if task not in board_.tasks(scale):
        raise UsageError(
            f"no {scale} records of {task} yet; `slimbench run {task} METHOD --scale {scale}` "
            "makes some"
        )
    rows: list[Row] = board_.rows(task, scale, profile)
    return rows


def board(task: str, scale: str, profile: str | None, where: Sequence[Path], as_json: bool) -> None:
    """Print a task's table; failed rows come last with their cause."""
    if task in registry.table_tasks():
        title = registry.find_table_task(task).title
        _print_search(search_rows_of(task, scale, where), title, as_json)
        return
    rows = rows_of(task, scale, where, profile)
    if as_json:
        print_json(rows)
        return
    done = [row for row in rows if row["status"] == "ok"]
    print_table(
        f"{task}, {scale} scale",
        list(COLUMNS),
        [[f(row) for f in COLUMNS.values()] for row in done],
    )
    for row in rows:
        if row["status"] != "ok":
            setting = json.dumps(row["setting"])
            said = escape(f"{row['method']} {setting}: {row['cause']}")
            console.print(f"[red]{row['status']}[/] {said}")


def search_rows_of(task: str, scale: str, where: Sequence[Path]) -> list[Row]:
    """A table task's rows. Raises UsageError where there is no record at that scale."""
    import leaderboard

    registry.scale_of(scale)
    known = leaderboard.load(where)
    found = known.search(task, scale) if task in known.tasks(scale) else None
    if found is None:
        raise UsageError(
            f"no {scale} records of {task} yet; `slimbench run {task} METHOD --scale {scale}` "
            "makes some"
        )
    return found.rows


def _print_search(rows: list[Row], title: str, as_json: bool) -> None:
    """Print a table task's rows, case by case."""
    if as_json:
        print_json(rows)
        return
    for case in dict.fromkeys(row["case"] for row in rows):
        lines = [row for row in rows if row["case"] == case]
        print_table(
            f"{title}: {lines[0]['case_title']}",
            ["group", "method", "setting", "n", "validation", "test", "regret", "hit", "HV"],
            [
                [
                    text(row["tie_group"]),
                    row["method"],
                    ", ".join(f"{k}={v}" for k, v in row["setting"].items()) or "-",
                    row["seeds"],
                    number(row["validation"], 100, "{:.2f}%"),
                    number(row["test"], 100, "{:.2f}%"),
                    number(row["regret"], 100, "{:.2f}"),
                    number(row["hit_median"], 1, "{:.0f}"),
                    number(row["hypervolume"], 100, "{:.1f}%"),
                ]
                for row in lines
            ],
        )


def recommend(
    task: str,
    scale: str,
    profile: str | None,
    limits: dict[str, float],
    where: Sequence[Path],
    as_json: bool,
) -> int:
    """Print the best rows under limits; exit code 1 when no row meets them."""
    import leaderboard

    found = leaderboard.recommend(rows_of(task, scale, where, profile), limits)
    if as_json:
        print_json(asdict(found))
    elif found.rows:
        best = found.rows[0]
        table = [[f(row) for f in COLUMNS.values()] for row in found.rows[:5]]
        print_table(f"{task}: best under {limits}", list(COLUMNS), table)
        console.print(
            f"take {best['method']} {best['setting']}: {best['reproduce']}", soft_wrap=True
        )
    else:
        why = f"no row meets {found.unmet or 'all limits together'} ({limits})"
        if found.unknown:
            why += f": none has that figure yet; `slimbench measure {task}` times rows"
        console.print(why, soft_wrap=True)
        if found.nearest:
            nearest = [f"{head} {f(found.nearest)}" for head, f in COLUMNS.items()]
            console.print(f"nearest: {', '.join(nearest[1:])}", soft_wrap=True)
    return 0 if found.rows else 1


def recommend_jointly(
    tasks: Sequence[str],
    scale: str,
    profile: str | None,
    totals: dict[str, float],
    where: Sequence[Path],
    as_json: bool,
) -> int:
    """Print one row a task within total limits; exit code 1 when no choice keeps them."""
    import leaderboard

    rows = {task: rows_of(task, scale, where, profile) for task in tasks}
    found = leaderboard.recommend_jointly(rows, **totals)
    if as_json:
        print_json(found)
    elif found is None:
        console.print(f"no choice of one timed row a task keeps {totals}")
    else:
        columns = ["task", *COLUMNS]
        table = [[task, *(f(row) for f in COLUMNS.values())] for task, row in found.items()]
        print_table(f"best within {totals}", columns, table)
        latency = sum(row["latency_ms_p50"] for row in found.values())
        size = sum(row["size_bytes"] for row in found.values()) / 1e6
        console.print(f"together {latency:.3f} ms and {size:.3f} MB")
    return 0 if found else 1


def site(results: Path | None, build: bool) -> int:
    """Write the pages and build them into public/; returns the exit code."""
    command = [sys.executable, "-m", "leaderboard"]
    if results:
        command += ["--results", str(results)]
    code = subprocess.run(command, cwd=registry.ROOT, check=False).returncode
    if code == 0 and build:
        mkdocs = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
        code = subprocess.run(mkdocs, cwd=registry.ROOT, check=False).returncode
        if code == 0:
            console.print(f"open {registry.ROOT / 'public' / 'index.html'}", soft_wrap=True)
    return min(code, 1)
