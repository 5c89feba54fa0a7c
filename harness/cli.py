"""The command line: run, measure, board, recommend, and what a newcomer needs around them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from harness import cli_measure, cli_studies, cli_submit
from harness.errors import SlimbenchError, UsageError
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

app = typer.Typer(
    help="Benchmark for neural architecture search and model compression. "
    "Start with `slimbench list`, then `slimbench run TASK METHOD --scale smoke`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Prepare and check data sets.", no_args_is_help=True)
new_app = typer.Typer(help="Write a new method or task that runs as it is.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(new_app, name="new")


@app.command("list")
def list_(method_file: Methods = None, as_json: Json = False) -> None:
    """Tasks, methods and profiles by name."""
    from harness.commands import report

    report.catalogue(method_file or [], as_json)


@app.command()
def doctor(data: Data = None, as_json: Json = False) -> None:
    """What this machine has, what is missing, and what to do about each problem."""
    from harness.commands.doctor import doctor as examine

    examine(data, as_json)


@data_app.command("list")
def data_list(data: Data = None) -> None:
    """Data sets of all tasks, and whether each is prepared."""
    from harness.commands import report

    report.datasets(data)


@data_app.command("prepare")
def data_prepare(
    name: Annotated[str, typer.Argument(help="Data set, for example cifar10.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of the official files; a generated set needs none."),
    ] = None,
    data: Data = None,
) -> None:
    """Read official files into the cache: checksums tested, train / validation / test apart."""
    from harness import data as cache
    from harness.commands import report
    from harness.run.locked import locked

    dataset = report.find_dataset(name)
    if source and dataset.really is not None and (other := dataset.really(source)):
        dataset = report.find_dataset(other)
    where = cache.cache_folder(data)
    with locked(where / f"{dataset.name}.lock"):
        folder = cache.prepare(dataset, source, where)
    typer.echo(f"{dataset.name} is ready in {folder} (origin {dataset.origin}; {dataset.licence})")
    if dataset.remark is not None:
        typer.echo(dataset.remark(folder))


@data_app.command("time")
def data_time(
    name: Annotated[str, typer.Argument(help="Data set, for example sst2.")],
    source: Annotated[Path, typer.Option("--from", help="Folder of the official files.")],
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
) -> None:
    """What making the model's inputs of one raw request costs, such as tokenization."""
    from harness.commands import serving

    folder = (results or runs / "results").resolve()
    raise typer.Exit(serving.time_preprocessing(name, source, folder))


@app.command()
def run(
    task: str,
    methods: Annotated[list[str] | None, typer.Argument(help="Method names; all if none.")] = None,
    scale: ScaleOption = "standard",
    seeds: Annotated[
        str | None, typer.Option(help="Seeds, for example 0,1,2 or 0-499; a table task knows its.")
    ] = None,
    settings: Annotated[
        str | None, typer.Option(help="Indices of the method's settings, or one as JSON.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda, for training.")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, help="Runs at a time.")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="Threads a run; 0 chooses.")] = 0,
    method_file: Methods = None,
    reference: Reference = None,
    measure: Annotated[str, typer.Option(help="`now` or `later`.")] = "now",
    case: Annotated[
        list[str] | None, typer.Option(help="Cases of a table task; repeatable, default all.")
    ] = None,
    cost: Annotated[
        str | None, typer.Option(help="What networks cost a search: macs, params or a profile.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would run.")] = False,
    engine: Annotated[str, typer.Option(help="`local` processes, or `ray`.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Ray cluster: auto or ray://HOST:10001; none starts one.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Run folders that all nodes reach: folder, s3://, gs://, hf://."),
    ] = None,
    gpus_per_run: Annotated[float, typer.Option(min=0, help="Share of a GPU each run gets.")] = 1.0,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
    as_json: Json = False,
) -> None:
    """Run methods on a task: the whole matrix of settings and seeds, resumable.

    Example: `slimbench run mnist_mlp_microcontroller width_scaled --scale smoke`
    """
    from harness import registry
    from harness.commands import session
    from harness.run.ray_cluster import Cluster

    if measure not in ("now", "later"):
        raise UsageError(f"--measure {measure!r} is neither `now` nor `later`")
    if engine not in ("local", "ray"):
        raise UsageError(f"no engine is named '{engine}'; there are local and ray")
    if engine == "local" and (address or store):
        raise UsageError("--address and --store are for --engine ray")
    order = session.Order(
        task=registry.variant_name(task, reference),
        methods=methods or [],
        scale=registry.scale_of(scale),
        seeds=session.numbers(seeds) if seeds else None,
        settings=settings,
        workers=workers,
        method_files=method_file or [],
        measure=measure == "now",
        place=session.place(data, runs, results, device, threads, workers, scale),
        cases=case or [],
        cost=cost,
        cluster=Cluster(store or str(runs.resolve()), address, gpus_per_run)
        if engine == "ray"
        else None,
    )
    try:
        code = session.run(order, dry_run=dry_run, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("interrupted; finished runs are kept, the same command goes on", err=True)
        code = 130
    raise typer.Exit(code)


@app.command()
def board(
    task: str,
    profile: Annotated[str | None, typer.Option(help="Profile of the latency columns.")] = None,
    reference: Reference = None,
    scale: ScaleOption = "standard",
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
    as_json: Json = False,
) -> None:
    """The table of a task: published records and your own, tie groups and Pareto front."""
    from harness import registry
    from harness.commands import report

    task = registry.variant_name(task, reference)
    report.board(task, scale, profile, report.folders(runs, results), as_json)


@app.command()
def recommend(
    task: Annotated[str | None, typer.Argument(help="A task; or several with --tasks.")] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Tasks that share a budget, for example A,B,C.")
    ] = None,
    total_latency_ms: Annotated[
        float | None, typer.Option(help="Sum of nominal medians over --tasks.")
    ] = None,
    total_size_mb: Annotated[
        float | None, typer.Option(help="Sum of bytes over --tasks / 10^6.")
    ] = None,
    max_latency_ms: Annotated[float | None, typer.Option(help="Nominal median, ms.")] = None,
    max_size_mb: Annotated[float | None, typer.Option(help="Bytes on disk / 10^6.")] = None,
    max_macs: Annotated[float | None, typer.Option(help="Multiply-accumulates.")] = None,
    max_params: Annotated[float | None, typer.Option(help="Stored numbers.")] = None,
    min_quality: Annotated[float | None, typer.Option(help="Test quality, a fraction.")] = None,
    min_retention: Annotated[float | None, typer.Option(help="Share of the reference.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the latency limit.")] = None,
    reference: Reference = None,
    scale: ScaleOption = "standard",
    runs: Runs = DEFAULT_RUNS,
    results: Results = None,
    as_json: Json = False,
) -> None:
    """The best rows under limits, or which limit no row meets and the nearest row.

    With `--tasks A,B --total-latency-ms 100 --total-size-mb 40`: one row a task, the best product
    of retentions whose sums keep both totals.
    """
    from harness import registry
    from harness.commands import report

    if (task is None) == (tasks is None):
        raise UsageError("give one TASK, or several with --tasks A,B,C")
    if tasks is not None:
        totals = {"total_latency_ms": total_latency_ms, "total_size_mb": total_size_mb}
        given = {name: value for name, value in totals.items() if value is not None}
        where = report.folders(runs, results)
        code = report.recommend_jointly(tasks.split(","), scale, profile, given, where, as_json)
        raise typer.Exit(code)
    assert task is not None
    task = registry.variant_name(task, reference)
    limits = {
        "max_latency_ms": max_latency_ms,
        "max_size_mb": max_size_mb,
        "max_macs": max_macs,
        "max_params": max_params,
        "min_quality": min_quality,
        "min_retention": min_retention,
    }
    chosen = {name: value for name, value in limits.items() if value is not None}
    folders = report.folders(runs, results)
    raise typer.Exit(report.recommend(task, scale, profile, chosen, folders, as_json))


@app.command("reference")
def reference_(
    task: str,
    reference: Reference = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Train it again.")] = False,
    seed: int = 0,
    device: str = "cpu",
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Show a task's frozen reference, or train it again as it was trained (resumable)."""
    from harness import registry
    from harness.commands import session

    place = session.place(data, runs, None, device, 0, 1, "standard")
    session.reference(registry.variant_name(task, reference), place, seed, rebuild)


@new_app.command("method")
def new_method(name: str, folder: Path = Path()) -> None:
    """A method file that runs and passes the contract tests as it is."""
    from harness.commands import templates

    typer.echo(templates.new_method(name, folder))


@new_app.command("task")
def new_task(name: str) -> None:
    """A task folder below tasks/ that runs and passes the contract tests as it is."""
    from harness.commands import templates

    typer.echo(templates.new_task(name))


@app.command()
def loop(
    tasks: Annotated[list[str] | None, typer.Argument(help="Tasks; all with data here.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only these; repeatable.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds that the board should have.")] = "0",
    hours: Annotated[float, typer.Option(help="Start no run after so many hours.")] = 8.0,
    scale: ScaleOption = "standard",
    store: Annotated[str | None, typer.Option(help="Where artifacts above 4 MB go.")] = None,
    publish: Annotated[
        Path | None, typer.Option(help="Results folder; default the published one.")
    ] = None,
    data: Data = None,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Run, time, verify and publish whatever the board lacks; made for cron, resumable.

    Example: `slimbench loop --hours 10 && slimbench site`
    """
    from harness import registry
    from harness.commands import loop as continuous
    from harness.commands import report, session

    order = continuous.Order(
        tasks or [],
        method or [],
        session.numbers(seeds),
        hours,
        registry.scale_of(scale),
        session.place(data, runs, None, "cpu", 0, 1, scale),
        (publish or report.PUBLISHED).resolve(),
        store,
    )
    raise typer.Exit(continuous.loop(order))


@app.command()
def site(
    build: Annotated[bool, typer.Option(help="Also run `mkdocs build --strict`.")] = True,
    results: Results = None,
) -> None:
    """Write the site's pages from the records and build it into public/."""
    from harness.commands import report

    raise typer.Exit(report.site(results, build))


for more in (cli_measure, cli_studies, cli_submit):
    more.add_to(app)


def main() -> Any:
    """Entry point: errors the user can act on are one sentence; exit codes 0, 1, 2."""
    try:
        return app()
    except SlimbenchError as error:
        if "--json" in sys.argv:
            typer.echo(json.dumps({"error": str(error)}))
        typer.echo(f"slimbench: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        os._exit(1)
    except OSError as error:
        typer.echo(f"slimbench: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
