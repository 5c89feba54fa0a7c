"""Random changes of images that leave their labels as they are; verification poses them."""

import numpy as np

from harness.types import Change


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
