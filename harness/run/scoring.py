"""Stage 2: the artifact's quality on validation and hidden test, in a process without torch."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness import data
from harness.environment import ROOT
from harness.errors import SlimbenchError
from harness.types import Task

SPLITS = ("validation", "test")
LONGEST_SECONDS = 2 * 3600
ANSWERS = "answers.npz"
BESIDE = ("slices_test", "figures_test", "figures_error_test")
RESAMPLES = 200  # of the test examples, for the figures beside quality


def score(task: Task, data_folder: Path, folder: Path, threads: int) -> dict[str, Any]:
    """Quality of `folder/model.onnx` on validation and test; writes predictions.npz.

    Predictions of several numbers an example are large: they stay in the run's folder as
    ANSWERS, and what is published beside the records are the examples' scores.
    Raises SlimbenchError when the artifact does not run or returns values that are not finite.
    """
    begin = time.monotonic()
    scored: dict[str, Any] = {}
    _run(data_folder, folder, threads)
    for split in SPLITS:
        predictions = _predictions(task, data_folder, folder, split)
        targets = np.asarray(data.load_split(data_folder, split).targets)
        scored[f"quality_{split}"] = quality(task, predictions, targets)
    keep(task, predictions, targets, folder / "predictions.npz")
    scored |= beside_quality(task, predictions, targets)
    return scored | {"seconds": time.monotonic() - begin}


def keep(task: Task, predictions: np.ndarray, targets: np.ndarray, path: Path) -> None:
    """Write predictions (n,) and each example's score, bool or float16 (n,), to an npz.

    Predictions (n, k) are too large to publish: they go into ANSWERS beside it.
    """
    kept = {"example_scores": compact_scores(task, predictions, targets)}
    if predictions.ndim == 1:
        kept["prediction"] = predictions
    else:
        _save(path.with_name(ANSWERS), prediction=predictions)
    _save(path, **kept)


def compact_scores(task: Task, predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Each example's score as it is published, bool or float16 (n,)."""
    scores = task.example_scores(predictions, targets)
    return scores if scores.dtype == bool else scores.astype(np.float16)


def beside_quality(
    task: Task, predictions: np.ndarray, targets: np.ndarray
) -> dict[str, dict[str, float]]:
    """What a record has beside the quality on test: the task's groups and further figures."""
    masks = task.slices(targets) if task.slices else {}
    figures = dict(task.figures(predictions, targets)) if task.figures else {}
    return {
        "slices_test": {
            name: quality(task, predictions[mask], targets[mask])
            for name, mask in masks.items()
            if mask.any()
        },
        "figures_test": figures,
        "figures_error_test": _standard_errors(task, predictions, targets, figures),
    }


def _standard_errors(
    task: Task, predictions: np.ndarray, targets: np.ndarray, figures: dict[str, float]
) -> dict[str, float]:
    """Standard errors of the task's `figures`, over resampled test examples (Efron 1979).

    A figure that resampling shifts by more than it spreads, such as a count of distinct answers,
    has none.
    """
    if task.figures is None:
        return {}
    random, count = np.random.default_rng(0), len(targets)
    found = []
    for _ in range(RESAMPLES):
        chosen = random.integers(count, size=count)
        found.append(task.figures(predictions[chosen], targets[chosen]))
    errors = {}
    for name, value in figures.items():
        drawn = np.array([one[name] for one in found])
        if abs(drawn.mean() - value) <= drawn.std():
            errors[name] = float(drawn.std(ddof=1))
    return errors


def _save(path: Path, **arrays: np.ndarray) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def quality(task: Task, predictions: np.ndarray, targets: np.ndarray) -> float:
    """The task's metric on predictions: its own aggregate, else the mean of the example scores."""
    if task.aggregate is not None:
        return task.aggregate(predictions, targets)
    return float(np.mean(task.example_scores(predictions, targets)))


def _run(data_folder: Path, folder: Path, threads: int) -> None:
    """Write the artifact's outputs on all splits beside it."""
    command = [sys.executable, "-m", "harness.artifact.predict"]
    command += [str(folder / "model.onnx"), str(data_folder), str(threads), str(folder), *SPLITS]
    options: dict[str, Any] = {"capture_output": True, "text": True, "cwd": ROOT}
    try:
        done = subprocess.run(
            command, check=False, timeout=LONGEST_SECONDS, start_new_session=True, **options
        )
    except subprocess.TimeoutExpired:
        raise SlimbenchError(f"scoring did not end within {LONGEST_SECONDS} s") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SlimbenchError(f"the artifact does not run in ONNX Runtime: {reason}")


def _predictions(task: Task, data_folder: Path, folder: Path, split: str) -> np.ndarray:
    expected = (len(data.load_split(data_folder, split)), *task.answer.shape)
    kind = np.dtype(task.answer.dtype).kind
    out = folder / f"outputs.{split}.npz"
    return task.predict(_read_outputs(out, expected, kind, split))


def _read_outputs(path: Path, expected: tuple[int, ...], kind: str, split: str) -> list[np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            outputs = [stored[f"output_{index}"] for index in range(len(stored.files))]
    except ValueError:
        raise SlimbenchError("the artifact's outputs are not plain numbers") from None
    finally:
        path.unlink(missing_ok=True)
    first = outputs[0]
    if first.shape != expected or first.dtype.kind != kind:
        name = "floats" if kind == "f" else "whole numbers"
        raise SlimbenchError(
            f"the artifact returns {first.dtype} {first.shape} for the {split} split, "
            f"not {name} {expected}"
        )
    if not np.isfinite(first).all():
        raise SlimbenchError(f"the artifact returns NaN or infinite values on the {split} split")
    return outputs
