"""Verification: every claim of a bundle computed again from its artifact, and judged.

The bundle's records say what is claimed; the artifact, opened in a sandbox (child.py), says what
holds. What is published afterwards are the recomputed figures, never the claimed ones.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import data
from harness.errors import RefusedError
from harness.record import Counts, MeasurementRecord, ReferenceBlock, RunRecord, sha256_of
from harness.record_submission import ClaimBlock
from harness.run.place import Prepared
from harness.run.prepare import prepare
from harness.run.scoring import beside_quality, compact_scores, keep, quality
from harness.run.stages import task_block
from harness.submit import audits, claims, searches
from harness.submit.bundle import Bundle, Pointer, open_bundle
from harness.submit.examine import examine, read_predictions, same_class, time_again
from harness.submit.latency import NAME as SPEEDUP
from harness.submit.latency import judge
from harness.submit.reproduce import method_of, retrain
from harness.submit.store import fetch
from harness.submit.verdict import Options, RowVerdict, Verdict

if TYPE_CHECKING:
    from leaderboard.board import Board

EXAMINE_SECONDS, TIME_SECONDS = 900, 120
SMOKE_SECONDS = 60
MOST_THREADS = 16


def verify(
    source: Path,
    options: Options,
    after: Callable[[Bundle, Verdict], object] = lambda bundle, verdict: None,
) -> Verdict:
    """Judge a bundle; `after` is called with an accepted one while its files are at hand.

    Raises UsageError for a bundle or data that are not there. Whatever is wrong with the bundle
    itself ends as a refusal in the verdict.
    """
    begin = time.monotonic()
    verdict = Verdict(bundle=str(source))
    with tempfile.TemporaryDirectory(prefix="slimbench-verify-") as name:
        try:
            folder = Path(name)
            bundle = open_bundle(source, folder / "bundle")
            verdict.bundle_sha256 = bundle.sha256
            claims.check_records(bundle)
            for row in _rows(bundle, options, folder):
                verdict.rows.append(row)
            for search in bundle.searches:
                verdict.searches.append(
                    searches.judge(
                        search, bundle.trace(search), method_of(bundle), bundle.sha256, options
                    )
                )
            if options.retrain_seeds and verdict.accepted:
                for row, one in retrain(bundle, verdict.rows, options, folder):
                    row.claims.append(one)
        except RefusedError as error:
            verdict.refused = str(error)
        verdict.sandbox = next(
            (row.examined.sandbox for row in verdict.rows if row.examined is not None), []
        )
        verdict.seconds = time.monotonic() - begin
        if verdict.accepted:
            after(bundle, verdict)
    return verdict


def _rows(bundle: Bundle, options: Options, folder: Path) -> Iterator[RowVerdict]:
    import leaderboard

    board = leaderboard.load([folder for folder in options.boards if folder.is_dir()])
    for number, run in enumerate(bundle.runs):
        known = _references(run, board)
        prepared = prepare(claims.find_task(run), run.scale, options.place, known=known)
        claims.check_task(run, task_block(prepared))
        _check_published(run, bundle, board)
        row = RowVerdict(run)
        work = folder / f"row{number}"
        work.mkdir()
        _get_artifact(bundle, row, work, options.store)
        for one in _timings(bundle, run):
            claims.check_measurement(one, run, sha256_of(prepared.anchor))
        _judge(bundle, row, prepared, options, work)
        if options.time and row.accepted:
            _judge_timing(bundle, row, prepared, options, work)
        yield row


def _references(run: RunRecord, board: Board) -> list[ReferenceBlock]:
    """The reference's figures as the boards have them, so that it need not be scored here again."""
    if run.task.name not in board.tasks(run.scale):
        return []
    rows = [one for one in board.records(run.task.name).runs if one.scale == run.scale]
    same = [one.task.reference for one in rows if one.task.version == run.task.version]
    return list(dict.fromkeys(one for one in same if one is not None))


def _timings(bundle: Bundle, run: RunRecord) -> list[MeasurementRecord]:
    return [one for one in bundle.measurements if one.artifact_sha256 == run.artifact_sha256]


def _check_published(run: RunRecord, bundle: Bundle, board: Board) -> None:
    if run.task.name not in board.tasks():
        return
    labels = read_predictions(bundle.predictions(run), run)

    def same_labels(row: RunRecord) -> bool:
        path = board.predictions_of(row.task.name, row.key)
        return path is not None and np.array_equal(read_predictions(path, row), labels)

    claims.check_duplicate(run, board.records(run.task.name).runs, same_labels)


def _get_artifact(bundle: Bundle, row: RowVerdict, work: Path, store: str | None) -> None:
    found = bundle.artifact(row.run)
    if isinstance(found, Pointer):
        row.pointer = found
        found = fetch(found, work / "fetched.onnx", store)
    if sha256_of(found) != row.run.artifact_sha256:
        raise RefusedError(
            f"the artifact of seed {row.run.seed} is not the file that its record names: its "
            "sha256 differs"
        )
    row.artifact = found


def _judge(
    bundle: Bundle, row: RowVerdict, prepared: Prepared, options: Options, work: Path
) -> None:
    """Fill the row's claims from one look at the artifact."""
    run, task = row.run, prepared.task
    assert row.artifact is not None
    path = bundle.predictions(run)
    if sha256_of(path) != run.predictions_sha256:
        raise RefusedError(f"the predictions of seed {run.seed} are not those its record names")
    claimed = read_predictions(path, run)
    seconds = options.seconds or (SMOKE_SECONDS if run.scale == "smoke" else EXAMINE_SECONDS)
    place = replace(options.place, threads=_threads(run, options.place.threads))
    found = row.examined = examine(row.artifact, prepared, place, seconds, work)
    counts = Counts.model_validate(found.counts)
    targets = {
        split: np.asarray(data.load_split(prepared.data, split).targets)
        for split in ("validation", "test")
    }
    labels = {split: task.predict(found.outputs[split]) for split in targets}
    shown = labels["test"]
    if shown.ndim > 1:
        shown = compact_scores(task, shown, targets["test"])
    alike = same_class(run)
    slack = 0.0 if alike else audits.MOST_DIFFERENT
    scores = {f"quality_{split}": quality(task, labels[split], targets[split]) for split in targets}
    assert run.counts is not None
    row.claims += audits.judge_counts(run.counts, counts)
    row.claims.append(
        audits.judge_predictions(
            claimed, shown, found.outputs["test"][0], task.numeric_tolerance, alike
        )
    )
    for name, value in scores.items():
        row.claims.append(audits.judge_quality(name, getattr(run, name), value, slack))
    row.claims += found.audits
    row.predictions = work / "predictions.npz"
    keep(task, labels["test"], targets["test"], row.predictions)
    row.recomputed = run.model_copy(
        update={
            "task": task_block(prepared),
            "counts": counts,
            "predictions_sha256": sha256_of(row.predictions),
            **scores,
            **beside_quality(task, labels["test"], targets["test"]),
        }
    )


def _threads(run: RunRecord, here: int) -> int:
    """The threads that the run was scored on, as sums may round differently on another number."""
    claimed = run.environment.get("threads")
    return claimed if isinstance(claimed, int) and 1 <= claimed <= MOST_THREADS else here


def _judge_timing(
    bundle: Bundle, row: RowVerdict, prepared: Prepared, options: Options, work: Path
) -> None:
    """Time the artifact here, where this machine has a profile, and judge the claims about it."""
    assert row.artifact is not None
    assert row.examined is not None
    seconds = options.seconds or TIME_SECONDS
    claimed = _timings(bundle, row.run)
    outputs = row.examined.outputs["test"]
    ours, reason = time_again(row.artifact, outputs, prepared, options.place, seconds, work)
    if ours is not None and ours.status == "failed":
        row.claims.append(audits.refusal(SPEEDUP, None, None, ours.cause or "it does not run"))
        return
    row.measured = ours
    for one in claimed:
        if ours is None or ours.profile.name != one.profile.name:
            why = reason or f"this machine is {ours.profile.name if ours else 'of no profile'}"
            row.claims.append(
                ClaimBlock(
                    name=SPEEDUP,
                    claimed=one.profile.name,
                    recomputed=None,
                    verdict="unchecked",
                    why=f"{why}; the row's latency stays pending",
                )
            )
        else:
            row.claims.append(judge(one.pairs, ours.pairs))
