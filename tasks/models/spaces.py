"""Search spaces over a task's own family: decisions that multiply, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from harness import Architecture, Space


def space(
    name: str,
    decisions: Mapping[str, Sequence[Any]],
    canonical: Callable[[Architecture], Hashable] = lambda architecture: architecture,
) -> Space:
    """One decision for each word, written `word=value`; features are the choice numbers.

    `canonical` is equal for architectures that are one network, as in `Space`.
    """
    words = list(decisions)

    def text(architecture: Architecture) -> str:
        return " ".join(
            f"{word}={decisions[word][choice]}"
            for word, choice in zip(words, architecture, strict=True)
        )

    def features(architectures: np.ndarray) -> np.ndarray:
        return architectures.astype(np.float64)

    choices = tuple(tuple(str(value) for value in values) for values in decisions.values())
    return Space(name, choices, canonical, text, features)


def values(decisions: Mapping[str, Sequence[Any]]) -> Callable[[Architecture], dict[str, Any]]:
    """From an architecture to the value of each word."""

    def chosen(architecture: Architecture) -> dict[str, Any]:
        pairs = zip(decisions.items(), architecture, strict=True)
        return {word: values[choice] for (word, values), choice in pairs}

    return chosen
