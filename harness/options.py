"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Data = Annotated[
    Path | None, typer.Option("--data", help="Data cache; default $SLIMBENCH_DATA or ~/.cache.")
]
Runs = Annotated[
    Path, typer.Option("--runs", help="Folder of run folders.", envvar="SLIMBENCH_RUNS")
]
Results = Annotated[
    Path | None, typer.Option("--results", help="Folder of records; default RUNS/results.")
]
ScaleOption = Annotated[str, typer.Option(help="smoke (generated data), standard or full.")]
Reference = Annotated[
    str | None,
    typer.Option("--reference", help="Another pretrained reference: hub name or folder."),
]
Methods = Annotated[
    list[Path] | None, typer.Option("--method-file", help="A file with METHOD; repeatable.")
]
DEFAULT_RUNS = Path("runs")
