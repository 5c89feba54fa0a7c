"""The commands for results of others: submit, verify, reproduce, mark; added to harness/cli.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.options import DEFAULT_RUNS, Data, Json, Methods, Results, Runs, ScaleOption


def add_to(app: typer.Typer) -> None:
    """Make these functions commands of `app`; `lost` is for CI and stays out of the help."""
    for command in (submit, verify, reproduce, mark):
        app.command()(command)
    app.command(hidden=True)(lost)


def submit(
    sources: Annotated[list[Path], typer.Argument(help="Folders of runs, or one ONNX file.")],
    card: Annotated[Path | None, typer.Option(help="card.toml: who made it, from what.")] = None,
    task: Annotated[str | None, typer.Option(help="The task of an ONNX file.")] = None,
    out: Annotated[Path | None, typer.Option(help="New folder or .zip of the bundle.")] = None,
    store: Annotated[str | None, typer.Option(help="Where artifacts above 4 MB go.")] = None,
    method_file: Methods = None,
    scale: ScaleOption = "standard",
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Pack runs, or a compressed model alone, into a bundle, and say what to expect of it.

    Example: `slimbench submit runs/TASK/my_method --card card.toml --out submissions/my_method.zip`
    """
    from harness import registry
    from harness.commands import session, submission

    code = submission.submit(
        sources,
        task,
        card,
        out,
        method_files=method_file or [],
        store=store,
        scale=registry.scale_of(scale),
        place=session.place(data, runs, None, "cpu", 0, 1, scale),
    )
    raise typer.Exit(code)


def verify(
    bundles: Annotated[list[Path], typer.Argument(help="Bundles: folders or .zip files.")],
    retrain: Annotated[bool, typer.Option("--retrain", help="Also train on fresh seeds.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Fresh seeds of --retrain.")] = 3,
    time: Annotated[bool, typer.Option(help="Also time the artifacts here.")] = True,
    store: Annotated[str | None, typer.Option(help="A local store that may be read.")] = None,
    publish: Annotated[
        Path | None, typer.Option(help="Results folder that accepted rows are added to.")
    ] = None,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    as_json: Json = False,
) -> None:
    """Compute every claim of a bundle again from its artifact, in a sandbox: 0 stands, 1 not.

    Example: `slimbench verify submissions/my_method.zip`
    """
    from harness.commands import session, submission

    place = session.place(data, runs, None, "cpu", 0, 1, "standard")
    options = submission.options_for(place, store, seeds if retrain else 0, time)
    raise typer.Exit(submission.verify(bundles, options, publish, as_json))


def reproduce(
    row: Annotated[str, typer.Argument(help="TASK/METHOD or TASK/METHOD/key=value.")],
    seeds: Annotated[str | None, typer.Option(help="Fresh seeds, for example 7,8,9.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many, where none are named.")] = 3,
    results: Results = None,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    device: str = "cpu",
    as_json: Json = False,
) -> None:
    """Train a published row again on fresh seeds: reproduced, not, or too few seeds to tell."""
    from harness.commands import report, session, submission

    chosen = session.numbers(seeds) if seeds else []
    place = session.place(data, runs, None, device, 0, 1, "standard")
    folder = results or report.PUBLISHED
    raise typer.Exit(submission.reproduce(row, chosen, count, place, folder, as_json))


def mark(
    row: Annotated[str, typer.Argument(help="TASK/METHOD or TASK/METHOD/key=value.")],
    status: Annotated[str, typer.Argument(help="verified, reproduced, flagged or withdrawn.")],
    why: Annotated[str, typer.Option(help="The reason; it is shown with the date.")],
    results: Results = None,
) -> None:
    """Add a dated status to published rows; earlier ones stay in their history."""
    from harness.commands import report, submission

    raise typer.Exit(submission.mark(row, status, why, results or report.PUBLISHED))


def lost(before: Path, after: Path) -> None:
    """What one results folder says and a later one does not; CI runs it on pull requests."""
    from harness.commands import submission

    raise typer.Exit(submission.lost(before, after))
