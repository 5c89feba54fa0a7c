"""The command that times a task's search space, so that searches can ask what a network costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx

from harness import registry
from harness.commands.latency import profile_of
from harness.commands.output import console, print_json
from harness.commands.studies import problem_of
from harness.errors import UsageError
from harness.measure.machine import machine
from harness.measure.many import latencies_ms
from harness.measure.predictor import (
    fit_predictor,
    save_predictor,
    stored_predictor,
    time_operators,
)
from harness.measure.profile import mismatch
from harness.run.place import Place
from harness.run.prepare import prepare
from harness.types import Architecture, Space

HELD_OUT = 0.25  # of the networks, to say how well it predicts
CLOSE = 0.1


def build(
    name: str, profile_name: str | None, networks: int, place: Place, as_json: bool
) -> dict[str, Any]:
    """Time random networks of the space and all their operators; store what predicts them.

    Returns how well it fits the networks held out. Raises UsageError for a task without a space
    of its own networks, and off the profile's machine.
    """
    task = registry.find_task(name)
    if task.search is None:
        raise UsageError(f"{name} poses no search over networks of its own; no predictor is needed")
    profile = profile_of(profile_name)
    if profile.kind != "measured":
        raise UsageError(
            f"{profile.name} is of kind {profile.kind}, where nothing can be timed here; name a "
            "profile of kind measured (slimbench list)"
        )
    reason = mismatch(profile, machine())
    if reason is not None:
        raise UsageError(f"this machine is not of {profile.name}: {reason}; build it on one")
    prepared = prepare(task, "standard", place)
    problem = problem_of(prepared, place)
    drawn = _drawn(task.search.space, networks)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slimbench-space-") as folder:
        paths = [Path(folder) / f"{number}.onnx" for number in range(len(drawn))]
        for path, one in zip(paths, drawn, strict=True):
            onnx.save(problem.export(task.search.network(problem, one).eval()), path)
        timed = time_operators([*paths, prepared.anchor], prepared.anchor, profile)
        measured = latencies_ms(paths, prepared.anchor, profile)
        fitted = round(len(paths) * (1 - HELD_OUT))
        found = fit_predictor(timed, paths[:fitted], measured[:fitted], profile)
        predicted = [found.predict(path) for path in paths[fitted:]]
    where = stored_predictor(name, profile)
    where.parent.mkdir(exist_ok=True)
    save_predictor(found, where)
    said = {
        "profile": profile.name,
        "networks": len(paths),
        "held_out": len(predicted),
        "operators": len(timed),
        **agreement(predicted, measured[fitted:]),
        "seconds": time.monotonic() - begin,
        "file": str(where),
    }
    if as_json:
        print_json(said)
    else:
        console.print(
            f"{said['operators']} operators and {said['networks']} networks timed in "
            f"{said['seconds']:.0f} s; of {said['held_out']} held out Spearman "
            f"{said['spearman']:.3f}, {said['within_10_percent']:.0%} within 10%; wrote {where}",
            soft_wrap=True,
        )
    return said


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> dict[str, float]:
    """Spearman's correlation, the share within 10% and the median relative error."""
    error = np.abs(np.array(predicted) / np.array(measured) - 1)
    first, second = (np.argsort(np.argsort(one)) for one in (predicted, measured))
    return {
        "spearman": float(np.corrcoef(first, second)[0, 1]),
        "within_10_percent": float(np.mean(error <= CLOSE)),
        "median_error": float(np.median(error)),
    }


def _drawn(space: Space, count: int) -> list[Architecture]:
    """Different random architectures, fewer where the space has fewer."""
    random = Random(0)
    tried = [space.sample(random) for _ in range(20 * count)]
    return list(dict.fromkeys(tried))[:count]
