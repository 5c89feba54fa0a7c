"""Reproduction: the method again on fresh seeds, and whether its published quality comes out.

Two spreads are at work and the larger one counts: that of seeds (pooled over both sides, Student)
and that of the paired per-example differences on the same test set. Where their 95% half-width,
the resolution floor, is above 1% of the reference's quality (the finest limit of the board), the
verdict is "too few seeds to tell", however close the two means are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness import registry
from harness.errors import RefusedError, SlimbenchError, UsageError
from harness.paired import student_quantile
from harness.record import RunRecord
from harness.record_submission import ClaimBlock
from harness.registry import MethodListing
from harness.run import sandbox
from harness.run.matrix import run_all
from harness.run.place import Place, Run
from harness.run.prepare import prepare
from harness.submit.bundle import Bundle
from harness.submit.verdict import Options, RowVerdict

FINEST = 0.01  # of the reference's quality
NORMAL = 1.96
REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
TOO_FEW = "too few seeds to tell"


@dataclass(frozen=True)
class Comparison:
    """Fresh minus published quality, what the test resolves (95%), and the verdict."""

    published: float
    fresh: float
    floor: float
    verdict: str
    why: str


def compare(
    published: Sequence[np.ndarray],
    fresh: Sequence[np.ndarray],
    reference: float,
    higher_is_better: bool = True,
) -> Comparison:
    """The verdict from the example scores (n,) of every seed on either side.

    `reference` is the reference's quality, of which 1% must be resolved.
    """
    means = [[float(np.mean(scores)) for scores in side] for side in (published, fresh)]
    old, new = (float(np.mean(side)) for side in means)
    difference = new - old
    floor = max(_seed_half_width(*means), _paired_half_width(published, fresh))
    worse = difference if higher_is_better else -difference
    said = (
        f"{len(fresh)} fresh seeds score {new:.4f}, {len(published)} published ones {old:.4f}; "
        f"differences above {floor:.4f} can be seen"
    )
    if floor > FINEST * abs(reference) and -worse <= floor:
        return Comparison(old, new, floor, TOO_FEW, f"{said}, {FINEST * abs(reference):.4f} must")
    if -worse > floor:
        return Comparison(old, new, floor, NOT_REPRODUCED, f"{said}, and this one is worse")
    better = ", and this one is better" if worse > floor else ""
    return Comparison(old, new, floor, REPRODUCED, f"{said}{better}")


def _seed_half_width(published: Sequence[float], fresh: Sequence[float]) -> float:
    """Half the 95% range of the difference of two means over seeds; infinite for one seed each."""
    freedom = len(published) + len(fresh) - 2
    if freedom < 1 or not published or not fresh:
        return math.inf
    squares = 0.0
    for side in (published, fresh):
        squares += float(((np.array(side) - np.mean(side)) ** 2).sum())
    deviation = math.sqrt(squares / freedom * (1 / len(published) + 1 / len(fresh)))
    return student_quantile(freedom) * deviation


def _paired_half_width(published: Sequence[np.ndarray], fresh: Sequence[np.ndarray]) -> float:
    """Half the 95% range of the mean difference over the same examples."""
    differences = np.mean(fresh, axis=0, dtype=float) - np.mean(published, axis=0, dtype=float)
    return NORMAL * float(differences.std(ddof=1)) / math.sqrt(len(differences))


def run_again(rows: Sequence[RunRecord], method: MethodListing, place: Place,
              seeds: Sequence[int]) -> list[np.ndarray]:  # fmt: skip
    """Example scores of fresh seeds of one row, trained under its budget in the sandbox.

    Raises SlimbenchError when a seed fails or there is no sandbox, UsageError when a seed is one
    of the row's own.
    """
    if refused := sandbox.available():
        raise SlimbenchError(f"methods of others run only in a sandbox, and {refused}")
    if used := sorted({row.seed for row in rows} & set(seeds)):
        raise UsageError(f"the seeds {used} made the row itself; give fresh ones with --seeds")
    task = registry.find_task(rows[0].task.name)
    prepared = prepare(task, rows[0].scale, place)
    runs = [Run(prepared, method, rows[0].setting, seed, place) for seed in seeds]
    scores = []
    for done in run_all(runs):
        if done.record.status != "ok":
            raise SlimbenchError(
                f"seed {done.record.seed} {done.record.status}: {done.record.cause}"
            )
        scores.append(example_scores(done.run.folder / "predictions.npz"))
    return scores


def example_scores(path: Path) -> np.ndarray:
    """The scores (n,) that a run's predictions got. Raises UsageError when there are none."""
    if not path.is_file():
        raise UsageError(f"{path} is missing; without example scores nothing can be compared")
    with np.load(path, allow_pickle=False) as arrays:
        return np.asarray(arrays["example_scores"], float)


def fresh_seeds(rows: Sequence[RunRecord], count: int) -> list[int]:
    """The first whole numbers that are no seed of the row."""
    used = {row.seed for row in rows}
    return [seed for seed in range(count + len(used)) if seed not in used][:count]


def retrain(
    bundle: Bundle, rows: Sequence[RowVerdict], options: Options, folder: Path
) -> Iterator[tuple[RowVerdict, ClaimBlock]]:
    """For each setting of a bundle its method again on fresh seeds, under `folder`.

    Yields the setting's first row with the claim. Raises RefusedError when the method cannot be
    run.
    """
    own = replace(options.place, runs=folder / "runs", results=folder / "results")
    groups: dict[str, list[RowVerdict]] = {}
    for row in rows:
        name = f"{row.run.task.name} {sorted(row.run.setting.items())} {row.run.scale}"
        groups.setdefault(name, []).append(row)
    for group in groups.values():
        runs = [row.run for row in group]
        try:
            fresh = run_again(
                runs, method_of(bundle), own, fresh_seeds(runs, options.retrain_seeds)
            )
        except (SlimbenchError, RecursionError, MemoryError) as error:
            raise RefusedError(f"the method cannot be trained again: {error}") from None
        published = [example_scores(row.predictions) for row in group if row.predictions]
        yield group[0], judge(compare(published, fresh, _reference(runs[0]), _higher(runs[0])))


def method_of(bundle: Bundle) -> MethodListing:
    """The registered method of the bundle's name, or the bundle's own file, read, not imported."""
    name = bundle.rows[0].method.name
    if name in registry.methods():
        return registry.methods()[name]
    if bundle.method is None:
        raise UsageError("a model alone has no method; leave out --retrain")
    listing = registry.read_listing(bundle.method, "submitted")
    if listing.name != name:
        raise UsageError(f"method.py defines '{listing.name[:60]}', the records say '{name}'")
    return listing


def judge(found: Comparison) -> ClaimBlock:
    """A comparison as the verdict on a claim; what cannot be told is not refused."""
    words = {REPRODUCED: "accepted", NOT_REPRODUCED: "refused", TOO_FEW: "unchecked"}
    return ClaimBlock(
        name="retrained",
        claimed=found.published,
        recomputed=found.fresh,
        verdict=words[found.verdict],
        why=f"{found.verdict}: {found.why}",
    )


def _reference(run: RunRecord) -> float:
    return run.task.reference.quality_test if run.task.reference else 1.0


def _higher(run: RunRecord) -> bool:
    return run.task.metric.higher_is_better


def reproduce(
    rows: Sequence[RunRecord], results: Path, method: MethodListing, place: Place,
    seeds: Sequence[int],
) -> Comparison:  # fmt: skip
    """Run one published row again on fresh seeds and compare; all `rows` share a setting."""
    name = rows[0].task.name
    published = [
        example_scores(results / name / "predictions" / f"{row.key[:16]}.npz") for row in rows
    ]
    fresh = run_again(rows, method, place, seeds)
    return compare(published, fresh, _reference(rows[0]), _higher(rows[0]))
