"""Random changes of inputs that leave their labels as they are; verification poses them."""

from collections.abc import Mapping

import numpy as np

from harness.types import Change

COMMA, STOP = 1010, 1012  # of the uncased BERT vocabulary


def image_changes(name: str) -> dict[str, Change]:
    """Both changes of the image input `name`: a shift by one pixel, one grey level of noise."""
    return {
        "one-pixel shift": lambda inputs, random: {**inputs, name: shifted(inputs[name], random)},
        "one grey level": lambda inputs, random: {**inputs, name: nudged(inputs[name], random)},
    }


def shifted(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each image uint8 (n, ..., h, w) one pixel up, down, left or right, edges repeated."""
    height, width = images.shape[-2:]
    edges = [(0, 0)] * (images.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(images, edges, mode="edge")
    moved = np.empty_like(images)
    directions = random.integers(0, 4, len(images))
    for number, (down, right) in enumerate(((0, 1), (2, 1), (1, 0), (1, 2))):
        chosen = directions == number
        moved[chosen] = padded[chosen][..., down : down + height, right : right + width]
    return moved


def nudged(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every value uint8 one level up, down or as it was; no two draws give the same image."""
    steps = random.integers(-1, 2, images.shape, dtype=np.int16)
    return np.clip(images + steps, 0, 255).astype(np.uint8)


def text_changes() -> dict[str, Change]:
    """Both changes of a tokenized sentence, `ids` and `mask`: the final full stop, a comma."""
    return {"full stop": stopped, "comma": paused}


def stopped(inputs: Mapping[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Each sentence int64 (n, t) with its final full stop taken off, or with one more."""
    rows = _rows(inputs)
    for row in rows:
        if len(row) > 3 and row[-2] == STOP:
            del row[-2]
        else:
            row.insert(len(row) - 1, STOP)
    return _padded(rows, inputs)


def paused(inputs: Mapping[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Each sentence int64 (n, t) with a comma at some place between its marks."""
    rows = _rows(inputs)
    for row in rows:
        row.insert(int(random.integers(1, len(row))), COMMA)
    return _padded(rows, inputs)


def _rows(inputs: Mapping[str, np.ndarray]) -> list[list[int]]:
    lengths = inputs["mask"].sum(axis=1)
    return [row[:length].tolist() for row, length in zip(inputs["ids"], lengths, strict=True)]


def _padded(rows: list[list[int]], inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows back in the shape of the inputs; one that grew too long stays as it was."""
    ids, mask = np.zeros_like(inputs["ids"]), np.zeros_like(inputs["mask"])
    for number, row in enumerate(rows):
        if len(row) > ids.shape[1]:
            ids[number], mask[number] = inputs["ids"][number], inputs["mask"][number]
        else:
            ids[number, : len(row)], mask[number, : len(row)] = row, 1
    return {**inputs, "ids": ids, "mask": mask}
