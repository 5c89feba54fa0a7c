"""How long runs will take, from what runs like them took before."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from harness.commands.report import PUBLISHED
from harness.record import RunRecord, read_records
from harness.run.place import Run

LEAST_DISK_BYTES = 60 * 10**6
TRAINING_MACS_PER_SECOND = 0.17e12  # a core; ResNet-18, bf16, Xeon with AMX, torch 2.13


def cpu_hours(runs: Sequence[Run]) -> float:
    """CPU hours of runs of one task: the median of published ones of the method, or of others.

    Others are those of the task that trained, small baselines apart. Where none is published, the
    budget's MACs at the speed of a large convolutional network.
    """
    known = [one for run in runs[:1] for one in _published(run)]
    return sum(_seconds(run, known) for run in runs) / 3600


def _published(run: Run) -> list[RunRecord]:
    folder = PUBLISHED / run.prepared.task.name
    files = sorted(folder.glob(f"*.{run.prepared.scale}.jsonl"))
    return [one for one in read_records(files) if isinstance(one, RunRecord) and one.status == "ok"]


def _seconds(run: Run, known: Sequence[RunRecord]) -> float:
    alike = [one for one in known if one.method.name == run.method.name]
    small = run.method.small_baseline
    trained = [one for one in known if one.cost.train_macs and one.method.small_baseline == small]
    alike = alike or trained
    if alike:
        return median(one.cost.cpu_seconds + one.cost.score_seconds for one in alike)
    return ((run.budget.train_macs or 0.0) + run.search_macs) / TRAINING_MACS_PER_SECOND


def disk_bytes(runs: Sequence[Run]) -> int:
    """What the run folders may take: twice the reference's file each, for logs and predictions."""
    return sum(max(LEAST_DISK_BYTES, 2 * run.prepared.block.size_bytes) for run in runs)
