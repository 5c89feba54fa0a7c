"""`python -m leaderboard [--results DIR] [--out site] [--check]`: records to the site's sources."""

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
    return _check(board, options.out) if options.check else _publish(board, options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m leaderboard", description=__doc__)
    parser.add_argument(
        "--results", action="append", type=Path, help="a results folder; repeatable"
    )
    parser.add_argument("--out", type=Path, default=Path("site"), help="the site's sources")
    parser.add_argument("--check", action="store_true", help="write nothing; compare every cell")
    return parser


def _publish(board: Board, out: Path) -> int:
    from leaderboard.publish import publish

    start = time.perf_counter()
    written = publish(board, out)
    took = time.perf_counter() - start
    print(f"{len(written)} files in {out} in {took:.1f} s; next: mkdocs build --strict")  # noqa: T201
    return 0


def _check(board: Board, out: Path) -> int:
    from leaderboard.check import differences

    found = list(differences(board, out))
    for one in found[:SHOWN]:
        print(one, file=sys.stderr)  # noqa: T201
    if len(found) > SHOWN:
        print(f"and {len(found) - SHOWN} more", file=sys.stderr)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
