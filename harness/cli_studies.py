"""The commands that look closer than a score: added to harness/cli.py."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.options import DEFAULT_RUNS, Data, Json, Reference, Results, Runs, ScaleOption


def add_to(app: typer.Typer) -> None:
    """Make these functions commands of `app`."""
    for command in (complexity, modalities, predictor, sensitivity):
        app.command()(command)


def complexity(
    task: str,
    most: Annotated[int | None, typer.Option(min=1, help="The largest size to time.")] = None,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
    as_json: Json = False,
) -> None:
    """What each part of a reference costs in training and serving as its data grow.

    Example: `slimbench complexity beauty_graph_recommendation --most 100000`
    """
    from harness.commands import complexity as growing
    from harness.commands import session

    where = session.place(data, runs, results, "cpu", 0, 1, "standard")
    raise typer.Exit(growing.complexity(task, where, most, as_json))


def predictor(
    task: str,
    profile: Annotated[str | None, typer.Option(help="Default: the one this machine is.")] = None,
    networks: Annotated[int, typer.Option(min=8, help="Random networks to time.")] = 100,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    as_json: Json = False,
) -> None:
    """Time a task's search space, so that searches can weigh predicted latency (run --cost).

    Example: `slimbench predictor mnist_mlp_microcontroller`
    """
    from harness.commands import predictor as predicting
    from harness.commands import session

    where = session.place(data, runs, None, "cpu", 0, 1, "standard")
    predicting.build(task, profile, networks, where, as_json)


def sensitivity(
    task: str,
    reference: Reference = None,
    scale: ScaleOption = "standard",
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0 chooses.")] = 0,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
    as_json: Json = False,
) -> None:
    """What each head, layer and operator of an encoder is worth: cut or quantized one at a time.

    Example: `slimbench sensitivity sst2_bert_compression`
    """
    from harness import registry
    from harness.commands import sensitivity as probing
    from harness.commands import session

    where = session.place(data, runs, results, "cpu", threads, 1, scale)
    name = registry.variant_name(task, reference)
    raise typer.Exit(probing.sensitivity(name, registry.scale_of(scale), where, as_json))


def modalities(
    task: str,
    scale: ScaleOption = "standard",
    profile: Annotated[str | None, typer.Option(help="Default: the one this machine is.")] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads to score; 0 chooses.")] = 0,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
    as_json: Json = False,
) -> None:
    """What each modality costs and is worth to every finished run: time, quality without it.

    Example: `slimbench modalities fraud_late_fusion`
    """
    from harness import registry
    from harness.commands import modalities as studying
    from harness.commands import session

    where = session.place(data, runs, results, "cpu", threads, 1, scale)
    studying.study(task, registry.scale_of(scale), where, profile, as_json)
