"""Commands for results of others: submit, verify, reproduce, mark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.markup import escape

from harness import registry
from harness.commands.output import console, print_json, print_table
from harness.errors import UsageError
from harness.record import RunRecord
from harness.record_search import SearchRecord
from harness.record_submission import ClaimBlock
from harness.run.place import Place
from harness.submit.verdict import PUBLISHED, Options, RowVerdict, SearchVerdict, Verdict
from harness.types import Scale

SIGNS = {"accepted": "[green]accepted[/]", "refused": "[red]refused[/]", "unchecked": "unchecked"}


def submit(
    sources: Sequence[Path],
    task: str | None,
    card: Path | None,
    out: Path | None,
    *,
    method_files: Sequence[Path],
    store: str | None,
    scale: Scale,
    place: Place,
) -> int:
    """Pack a bundle and say what verdict and place it may expect."""
    from harness.submit.expect import expectations
    from harness.submit.pack import pack_model, pack_runs

    models = [path for path in sources if path.suffix == ".onnx"]
    target = out or Path(f"{(models or list(sources))[0].resolve().stem}.zip")
    if models:
        if len(sources) > 1 or task is None:
            raise UsageError("submit one ONNX file at a time, with --task TASK")
        pack_model(models[0], task, card, target, scale=scale, place=place, store=store)
    else:
        pack_runs(sources, card, target, method_files=method_files, store=store)
    console.print(f"wrote {target}", soft_wrap=True)
    for line in expectations(target, [PUBLISHED]):
        console.print(escape(line), soft_wrap=True)
    console.print(f"next: slimbench verify {target}", soft_wrap=True)
    return 0


def verify(bundles: Sequence[Path], options: Options, results: Path | None, as_json: bool) -> int:
    """Verify bundles; 0 when every claim of each stands, 1 when one is refused."""
    from harness.submit.history import publish
    from harness.submit.verify import verify as judge

    verdicts = []
    for path in bundles:
        if results is None:
            found = judge(path, options)
        else:
            found = judge(path, options, lambda b, v: publish(b, v, results))
        verdicts.append(found)
        if not as_json:
            _show(found)
    if as_json:
        print_json([one.as_json() for one in verdicts])
    return 0 if all(one.accepted for one in verdicts) else 1


def _show(found: Verdict) -> None:
    for row in found.all():
        _show_row(row)
    word = "accepted" if found.accepted else "refused"
    said = f"{found.bundle}: {word} in {found.seconds:.0f} s"
    if found.sandbox:
        said += f"; artifacts were opened under {', '.join(found.sandbox)}"
    console.print(escape(said), soft_wrap=True)
    for reason in found.reasons():
        console.print(f"[red]refused[/] {escape(reason)}", soft_wrap=True)


def _show_row(row: RowVerdict | SearchVerdict) -> None:
    run = row.run
    which = f"case {run.case.name}" if isinstance(run, SearchRecord) else f"seed {run.seed}"
    print_table(
        escape(f"{run.task.name}, {run.method.name} {json.dumps(run.setting)}, {which}"),
        ["claim", "claimed", "recomputed", "verdict", "why"],
        [_cells(one) for one in row.claims],
    )


def _cells(one: ClaimBlock) -> list[str]:
    def shown(value: str | float | None) -> str:
        return "-" if value is None else escape(f"{value:.6g}" if value != str(value) else value)

    values = shown(one.claimed), shown(one.recomputed)
    return [one.name, *values, SIGNS[one.verdict], escape(one.why)]


def reproduce(
    name: str, seeds: list[int], count: int, place: Place, results: Path, as_json: bool
) -> int:
    """Run published rows again on fresh seeds; 0 unless one is not reproduced."""
    from harness.submit import history
    from harness.submit.reproduce import NOT_REPRODUCED, REPRODUCED, fresh_seeds
    from harness.submit.reproduce import reproduce as again

    groups: dict[str, list[RunRecord]] = {}
    found = history.find_rows(name, results)
    for _, run in found:
        if run.status == "ok":
            groups.setdefault(f"{json.dumps(run.setting)} {run.scale}", []).append(run)
    rows, failed = [], 0
    for group in groups.values():
        method = registry.find_method(group[0].method.name)
        chosen = seeds or fresh_seeds(group, count)
        one = again(group, results, method, place, chosen)
        failed += one.verdict == NOT_REPRODUCED
        rows.append({"setting": group[0].setting, "seeds": chosen, **vars(one)})
        if not as_json:
            said = f"{name} {json.dumps(group[0].setting)}: {one.verdict}: {one.why}"
            console.print(escape(said), soft_wrap=True)
        if one.verdict == REPRODUCED:
            keys = {run.key for run in group}
            chosen_rows = [(path, run) for path, run in found if run.key in keys]
            history.mark(chosen_rows, "reproduced", one.why)
    if as_json:
        print_json(rows)
    return 1 if failed else 0


def mark(name: str, status: str, why: str, results: Path) -> int:
    """Add a dated status to published rows."""
    from harness.submit import history

    count = history.mark(history.find_rows(name, results), status, why)
    console.print(f"{count} runs of {name} are {status} from now on; nothing was deleted")
    return 0


def lost(before: Path, after: Path) -> int:
    """Print what one results folder has and another lacks; 1 when there is something."""
    from harness.submit import history

    said = history.lost(before, after)
    for line in said:
        console.print(escape(line), soft_wrap=True)
    return 1 if said else 0


def options_for(place: Place, store: str | None, retrain: int, time: bool) -> Options:
    """What `verify` is asked for; its runs never touch the user's results."""
    return Options(replace(place), store=store, retrain_seeds=retrain, time=time)
