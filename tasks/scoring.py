"""Scores of classification tasks, without torch."""

from collections.abc import Callable, Sequence

import numpy as np


def labels(outputs: Sequence[np.ndarray]) -> np.ndarray:
    """Logits float (n, classes) to the predicted labels, uint8 (n,)."""
    return np.asarray(outputs[0].argmax(axis=1), dtype=np.uint8)


def correct(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Whether each label is right, bool (n,); the mean is the top-1 accuracy."""
    return np.asarray(predictions == targets)


def by_class(names: Sequence[str]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Masks of the examples of each class, for the quality by class."""
    return lambda targets: {name: targets == index for index, name in enumerate(names)}
