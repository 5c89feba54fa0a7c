"""`python -m leaderboard [--results DIR] [--out site]`: records to the site's sources.

`--check` compares instead; `--prune MB` deletes artifacts that no Pareto front needs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from harness.errors import SlimbenchError
from leaderboard.board import RESULTS, Board, load

SHOWN = 20


def main(arguments: list[str] | None = None) -> int:
    """Write or check the derived files; 0 is done, 1 is a difference, 2 is wrong use."""
    options = _parser().parse_args(arguments)
    try:
        board = load(options.results or [RESULTS])
    except SlimbenchError as error:
        print(error, file=sys.stderr)  # noqa: T201 (a command line)
        return error.exit_code
    if options.prune is not None:
        return _prune(board, options.prune)
    if options.check:
        return _check(board, options.out, sources=not options.results)
    return _publish(board, options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m leaderboard", description=__doc__)
    parser.add_argument(
        "--results", action="append", type=Path, help="a results folder; repeatable"
    )
    parser.add_argument("--out", type=Path, default=Path("site"), help="the site's sources")
    parser.add_argument("--check", action="store_true", help="write nothing; compare every cell")
    parser.add_argument(
        "--prune", type=float, metavar="MB", help="delete what no front needs until MB are left"
    )
    return parser


def _publish(board: Board, out: Path) -> int:
    from leaderboard.publish import publish

    start = time.perf_counter()
    written = publish(board, out)
    took = time.perf_counter() - start
    print(f"{len(written)} files in {out} in {took:.1f} s; next: mkdocs build --strict")  # noqa: T201
    return 0


def _prune(board: Board, megabytes: float) -> int:
    from leaderboard.prune import surplus

    going = surplus(board, megabytes)
    freed = sum(path.stat().st_size for path in going) / 1e6
    for path in going:
        path.unlink()
    print(f"{len(going)} artifacts that no Pareto front needs deleted, {freed:.1f} MB")  # noqa: T201
    return 0


def _check(board: Board, out: Path, sources: bool) -> int:
    """Differences between files and records; with `sources` also methods that changed since."""
    from leaderboard.check import differences
    from leaderboard.stale import complaints

    found = list(differences(board, out))
    if sources:
        records = [board.records(task) for task in board.tasks()]
        found += complaints(run.method for one in records for run in one.runs)
        found += complaints(search.method for one in records for search in one.searches)
    for one in found[:SHOWN]:
        print(one, file=sys.stderr)  # noqa: T201
    if len(found) > SHOWN:
        print(f"and {len(found) - SHOWN} more", file=sys.stderr)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
