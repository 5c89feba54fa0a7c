"""Everything derived from records, written to the site's sources or checked against them."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from harness.record import ProfileBlock
from leaderboard.board import PUBLISHED_SCALES, Board, SearchTable
from leaderboard.export import csv_chunks, json_chunks, schema
from leaderboard.pages.ablation_page import ablation_name, ablation_page
from leaderboard.pages.card_page import card_name, card_page
from leaderboard.pages.carried_over import carried_section
from leaderboard.pages.complexity import complexity_section
from leaderboard.pages.cost import cost_section
from leaderboard.pages.index_page import index_page, methods_page, profiles_page, tasks_page
from leaderboard.pages.method_page import method_page
from leaderboard.pages.modalities import modality_section
from leaderboard.pages.profile_page import profile_page
from leaderboard.pages.safe import slug
from leaderboard.pages.score_data import score_script
from leaderboard.pages.search_method import names_of
from leaderboard.pages.search_page import search_page
from leaderboard.pages.sensitivity import sections as probed_sections
from leaderboard.pages.serving import serving_section
from leaderboard.pages.small_networks import small_networks_section
from leaderboard.pages.task_page import limit_lines, page_name, task_page
from leaderboard.published import cost_of, repeated_by, repeats_of
from leaderboard.table import Table

GENERATED = ("tasks", "methods", "profiles", "scores")  # folders that a build owns
CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


def publish(board: Board, out: Path) -> list[Path]:
    """Write every derived file below `out`, after removing those of an earlier build."""
    for name in (*GENERATED, "artifacts"):
        shutil.rmtree(out / name, ignore_errors=True)
    written = []
    for name, chunks in derived_files(board):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(chunks)
        written.append(path)
    copy_artifacts(board, out)
    return written


def derived_files(board: Board) -> Iterator[tuple[str, Iterator[str]]]:
    """(path, text in pieces) of every file that follows from the records, and nothing else."""
    searches = {name: one for name in board.tasks("standard") if (one := board.search(name))}
    yield from _task_pages(board, searches)
    standard = _default_tables(board, ("standard",))
    everywhere = _default_tables(board, PUBLISHED_SCALES)
    yield "index.md", iter([index_page(standard)])
    titles = {name: one.records[0].task.title for name, one in searches.items()}
    yield "tasks/index.md", iter([tasks_page(standard, titles)])
    yield from _method_pages(everywhere, standard, list(searches.values()))
    yield from _profile_pages(board)
    yield "board.json", json_chunks(board.every_row())
    yield "board.csv", csv_chunks(board.every_row())
    example = next(board.every_row(), None)
    yield "board.schema.json", iter([json.dumps(schema(example or {}), indent=1) + "\n"])
    yield "changelog.md", iter([_changelog()])


def _task_pages(
    board: Board, searches: Mapping[str, SearchTable]
) -> Iterator[tuple[str, Iterator[str]]]:
    for task in board.tasks():
        if task in searches:
            yield from _search_page(task, searches[task])
        scales = [one for one in PUBLISHED_SCALES if board.table(task, one) is not None]
        for scale in scales:
            tables = _tables(board, task, scale)
            others = [one for one in scales if one != scale]
            first = next(iter(tables.values()))
            records = board.records(task)
            sections = carried_section(first, _repeated(board, first))
            sections += small_networks_section(first)
            sections += serving_section(first, records)
            sections += cost_section(first, cost_of(task), limit_lines(first))
            sections += modality_section(first, records.modalities)
            sections += complexity_section(records.complexities, first.task.version)
            stored = _stored(board, tables).keys()
            repeats = [one for one in repeated_by(task) if one in board.tasks(scale)]
            yield (
                f"tasks/{page_name(task, scale)}.md",
                iter([task_page(tables, others, stored, sections, repeats)]),
            )
            yield f"tasks/{ablation_name(task, scale)}.md", iter([_ablation(board, first)])
            yield from _score_files(board, first)
        if (card := card_page(task)) is not None:
            yield f"tasks/{card_name(task)}.md", iter([card])


def _repeated(board: Board, table: Table) -> Table | None:
    """The table of the task that this one repeats, at the same scale and on the same profile."""
    task = repeats_of(table.task.name)
    if task not in board.tasks(table.scale):
        return None
    known = {one.name for one in board.profiles(task)}
    profile = table.profile.name if table.profile and table.profile.name in known else None
    return board.table(task, table.scale, profile)


def _ablation(board: Board, table: Table) -> str:
    """The ablation page, with what is known of the reference that the table's rows come from."""
    reference = table.task.reference
    probed = [
        section
        for one in board.records(table.task.name).sensitivities
        if reference and one.reference_sha256 == reference.sha256
        for section in probed_sections(one)
    ]
    return ablation_page(table, probed)


def _search_page(task: str, found: SearchTable) -> Iterator[tuple[str, Iterator[str]]]:
    """The page and the raw rows of a table task."""
    yield f"tasks/{page_name(task, 'standard')}.md", iter([search_page(found)])
    rows = json.dumps(found.rows, sort_keys=True, indent=1)
    yield f"tasks/{page_name(task, 'standard')}.json", iter([rows + "\n"])


def _stored(board: Board, tables: dict[str | None, Table]) -> dict[str, Path]:
    """The ONNX files of a task's rows that the results folders hold, by sha256."""
    paths = {
        one: board.artifact_of(table.task.name, one)
        for table in list(tables.values())[:1]
        for row in table.rows
        for one in row["artifacts"]
    }
    return {one: path for one, path in paths.items() if path is not None}


def copy_artifacts(board: Board, out: Path) -> None:
    """Put the stored ONNX files where the task pages link to them."""
    for task in board.tasks():
        for scale in PUBLISHED_SCALES:
            for sha256, path in _stored(board, _tables(board, task, scale)).items():
                target = out / "artifacts" / f"{sha256[:16]}.onnx"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def _score_files(board: Board, table: Table) -> Iterator[tuple[str, Iterator[str]]]:
    """Example scores of the rows that the compare view can test against each other."""
    keys = [row["keys"][0] for row in table.rows if row["artifact_group"] is not None]
    for key in keys:
        path = board.predictions_of(table.task.name, key)
        if path is not None:
            with np.load(path, allow_pickle=False) as arrays:
                script = score_script(key[:16], arrays["example_scores"])
            yield f"scores/{key[:16]}.js", iter([script])


def _tables(board: Board, task: str, scale: str) -> dict[str | None, Table]:
    names: list[str | None] = [one.name for one in board.profiles(task)]
    names = names or [None]
    tables = {name: board.table(task, scale, name) for name in names}
    return {name: table for name, table in tables.items() if table is not None}


def _default_tables(board: Board, scales: tuple[str, ...]) -> list[Table]:
    found = [board.table(task, scale) for scale in scales for task in board.tasks(scale)]
    return [table for table in found if table is not None]


def _method_pages(
    everywhere: list[Table], standard: list[Table], searches: list[SearchTable]
) -> Iterator[tuple[str, Iterator[str]]]:
    methods: dict[str, list[Table]] = defaultdict(list)
    for table in everywhere:
        for name in dict.fromkeys(row["method"] for row in table.rows):
            methods[name].append(table)
    searchers = names_of(searches)
    for name in sorted({*methods, *searchers}):
        shown = method_page(name, methods.get(name, []), searches)
        yield f"methods/{slug(name)}.md", iter([shown])
    yield "methods/index.md", iter([methods_page(methods, standard, searchers)])


def _profile_pages(board: Board) -> Iterator[tuple[str, Iterator[str]]]:
    found: dict[str, ProfileBlock] = {}
    tables: dict[str, list[Table]] = defaultdict(list)
    for scale in PUBLISHED_SCALES:
        for task in board.tasks(scale):
            for profile in board.profiles(task):
                table = board.table(task, scale, profile.name)
                if table is not None:
                    found[profile.name] = profile
                    tables[profile.name].append(table)
    for name in sorted(found):
        yield f"profiles/{slug(name)}.md", iter([profile_page(found[name], tables[name])])
    counted = [(found[name], len(tables[name])) for name in sorted(found)]
    yield "profiles/index.md", iter([profiles_page(counted)])


def _changelog() -> str:
    if CHANGELOG.is_file():
        return CHANGELOG.read_text()
    return "# Changelog\n\nNothing was released yet.\n"
