"""The command that times a reference part by part as its world grows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime

from harness import environment, registry
from harness.commands.output import console
from harness.commands.studies import keep
from harness.errors import SlimbenchError, UsageError
from harness.measure.load import foreign_cores, label, read_load
from harness.measure.lock import measuring
from harness.record_studies import ComplexityRecord, PointBlock
from harness.run.place import Place

LONGEST_SECONDS = 1800


def complexity(name: str, place: Place, most: int | None, as_json: bool) -> int:
    """Time every size up to `most` and merge the record into the results.

    Raises UsageError for a task that does not say how it grows.
    """
    task = registry.find_task(name)
    if task.growth is None:
        raise UsageError(f"{name} does not say how it grows: its task has no `growth`")
    points: list[PointBlock] = []
    with measuring():
        before = read_load()
        for varied, sizes in task.growth.sizes.items():
            for size in [one for one in sizes if most is None or one <= most]:
                found = one_size(name, varied, size)
                points += found
                if not as_json:
                    said = ", ".join(f"{one.phase} {one.part} {one.ms:.3g} ms" for one in found)
                    console.print(f"{size:,} {varied}: {said}", soft_wrap=True)
        load = foreign_cores(before, read_load())
    record = ComplexityRecord(
        task=task.name,
        task_version=task.version,
        steps=task.growth.steps,
        points=points,
        foreign_load=load,
        load_label=label(load),
        environment=environment.facts(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return keep(record, place.results, "standard", as_json)


def one_size(task: str, varied: str, size: int) -> list[PointBlock]:
    """The points of one size, from a process of its own. Raises SlimbenchError when it fails."""
    command = [sys.executable, "-m", "harness.run.growth", task, varied, str(size)]
    begin = time.monotonic()
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=registry.ROOT,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SlimbenchError(
            f"{size:,} {varied} took longer than {LONGEST_SECONDS} s; give a smaller --most"
        ) from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SlimbenchError(
            f"{size:,} {varied} ended after {time.monotonic() - begin:.0f} s: {reason}; give a "
            "smaller --most"
        )
    return [PointBlock(**point) for point in json.loads(done.stdout.splitlines()[-1])]
