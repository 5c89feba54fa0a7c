"""Forgeries on document images: one field copied over, pasted, imitated or deleted.

Source: kinds and fields as in the forged SROIE receipts of Martinez Tornes et al. 2023 ("Find it
again!", doi:10.1007/978-3-031-41682-8_20); how visible each is, is an assumption.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tasks.datasets import fraud_documents as documents
from tasks.datasets.fraud_documents import BLANK, SIZE, Document

KINDS = ("copied_inside", "pasted_outside", "imitated", "deleted")
TRAINING_SHARES = np.array([0.25, 0.25, 0.2, 0.3])
LATER_SHARES = np.array([0.3, 0.25, 0.4, 0.05])  # drift: fewer plain deletions, assumed
FIELDS = ("total", "product", "company", "date")


def forge(random: np.random.Generator, document: Document, drift: float) -> str:
    """Change one field in place; the kind of forgery."""
    shares = TRAINING_SHARES + drift * (LATER_SHARES - TRAINING_SHARES)
    kind = str(random.choice(KINDS, p=shares))
    field = document.fields[str(random.choice(FIELDS))]
    box = documents.region(field)
    patch = document.pixels[box]
    rows, columns = patch.shape
    if kind == "copied_inside":  # another place of the same scan, its light and baseline off
        top = int(random.integers(0, SIZE - rows))
        left = int(random.integers(0, SIZE - columns))
        copy = document.pixels[top : top + rows, left : left + columns].copy()
        patch[:] = copy + random.choice([-1, 1]) * random.uniform(5, 14)
    elif kind == "pasted_outside":  # a piece of a cleaner or noisier scan
        noise = document.noise * random.choice([0.25, 2.2])
        patch[:] = random.uniform(215, 245) + noise * random.standard_normal(patch.shape)
        documents.write(document, field, _changed(random, field.text), field.size, 25)
    elif kind == "imitated":  # erased flat, then written in another size without any noise
        patch[:] = np.median(patch)
        size = field.size + int(random.choice([-2, -1, 1, 2]))
        shifted = replace(field, top=field.top + int(random.integers(-2, 3)))
        documents.write(document, shifted, _changed(random, field.text), size, 20)
    else:
        patch[:] = np.median(patch) + 0.3 * document.noise * random.standard_normal(patch.shape)
    return kind


def _changed(random: np.random.Generator, text: str) -> str:
    """The text with its digits drawn anew."""
    return "".join(str(random.integers(0, 10)) if c.isdigit() else c for c in text)


def image(random: np.random.Generator, amount: float, evidence: int, drift: float) -> np.ndarray:
    """A document uint8 (256, 256): `evidence` 0 plain, 1 marked as honest ones may be, 2 forged."""
    document = documents.scanned(random, amount)
    documents.wear(random, document)
    if evidence == 1:
        documents.look_alike(random, document)
    elif evidence == 2:
        forge(random, document, drift)
    return documents.compressed(np.clip(document.pixels, 0, 254), random.uniform(0.5, 1.5))


def blank() -> np.ndarray:
    """What stands for a missing document, uint8 (256, 256)."""
    return np.full((SIZE, SIZE), BLANK, np.uint8)
