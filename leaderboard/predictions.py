"""Per-example scores on the hidden test, as the harness kept them beside the records."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from harness.errors import UsageError

TOLERANCE = 2e-3  # scores are kept as float16; a larger gap means that the metric is no mean


def example_scores(path: Path | None, quality: float) -> np.ndarray | None:
    """Scores float32 or bool (examples,) whose mean is `quality`; None where no file says so.

    A metric that is no mean over examples (for example F1) has no such scores: its rows get
    intervals over seeds only. Raises UsageError when the file is damaged.
    """
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            scores: np.ndarray = arrays["example_scores"]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UsageError(
            f"{path} holds no readable example_scores ({error}); restore it or score the run again"
        ) from None
    if abs(float(scores.mean(dtype=np.float64)) - quality) > TOLERANCE:
        return None
    return scores if scores.dtype == np.bool_ else scores.astype(np.float32)
