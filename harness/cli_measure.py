"""The commands that time: added to harness/cli.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.options import (
    DEFAULT_RUNS,
    Data,
    Json,
    Methods,
    Reference,
    Results,
    Runs,
    ScaleOption,
)


def add_to(app: typer.Typer) -> None:
    """Make these functions commands of `app`."""
    for command in (measure, attribute):
        app.command()(command)


def measure(
    model: Annotated[str, typer.Argument(help="An ONNX file, a task, or a kit to import into.")],
    profile: Annotated[str | None, typer.Option(help="Profile; default fits this machine.")] = None,
    anchor: Annotated[Path | None, typer.Option(help="ONNX file to compare with.")] = None,
    scale: ScaleOption = "standard",
    freeze: Annotated[
        bool, typer.Option("--freeze-anchor", help="Freeze the task's nominal latency here.")
    ] = False,
    natural_length: Annotated[
        bool, typer.Option("--natural-length", help="Time the reference on unpadded requests.")
    ] = False,
    published: Annotated[
        bool,
        typer.Option("--published", help="Also rows of the board whose artifact or graph is here."),
    ] = False,
    pack: Annotated[
        Path | None, typer.Option(help="Write a kit for another device into this new folder.")
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="A kit's results, to check and add.")
    ] = None,
    cap: Annotated[float, typer.Option(min=1, help="Seconds that one model may take.")] = 60,
    reference: Reference = None,
    method_file: Methods = None,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
    as_json: Json = False,
) -> None:
    """Paired latency of an ONNX file against an anchor, or of a task's finished runs.

    Example: `slimbench measure MODEL.onnx --anchor REFERENCE.onnx --profile ort-1t-zen5`
    """
    from harness import registry
    from harness.commands import latency, serving, session

    model = registry.variant_name(model, reference)
    place, scale_ = session.place(data, runs, results, "cpu", 0, 1, scale), registry.scale_of(scale)
    if import_ is not None:
        code = latency.import_kit(import_, Path(model), place)
    elif model.endswith(".onnx"):
        code = latency.measure_file(Path(model), anchor, profile, cap, as_json)
    elif pack is not None:
        code = latency.pack_kit(model, scale_, place, pack)
    elif natural_length:
        code = serving.natural_length(model, scale_, place, profile)
    elif freeze:
        code = latency.freeze(model, scale_, place, profile, cap)
    else:
        files = method_file or []
        order = latency.Order(model, scale_, place, profile, files, published, cap)
        code = latency.measure_task(order, as_json)
    raise typer.Exit(code)


def attribute(
    model: Annotated[Path, typer.Argument(help="An ONNX file, or the folder of a run.")],
    profile: Annotated[str | None, typer.Option(help="An ONNX Runtime profile.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for JSON, SVG and trace.")] = None,
    as_json: Json = False,
) -> None:
    """Where the time goes: milliseconds, MACs and bytes by layer and branch."""
    from harness.commands import latency

    model = model / "model.onnx" if model.is_dir() else model
    raise typer.Exit(latency.attribute(model, profile, out, as_json))
