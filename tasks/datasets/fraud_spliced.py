"""Fraud requests spliced from real pieces: transactions, mouse sessions and receipts by label.

Kinds of fraud and their shares are those of the generated set; a modality with evidence is drawn
from the fraudulent pieces of its source (receipts are forged for it), every other one from the
honest pieces. Nothing says that the three belong to one person: that is the flaw of splicing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness import DataSet, Split
from tasks.datasets import fraud
from tasks.datasets.fraud import COMBINED, HONEST, Sizes
from tasks.datasets.fraud_documents import SIZE, compressed
from tasks.datasets.fraud_forgeries import forge
from tasks.datasets.fraud_logs import LENGTH
from tasks.datasets.fraud_real_pieces import Pieces, Session, crop, drawn, read_pieces
from tasks.datasets.fraud_transactions import CATEGORIES

SEED = 2026
SIZES = {
    "train": Sizes(fraud=10_000, honest=30_000, documents=4_000),
    "validation": Sizes(fraud=250, honest=1_750),
    "test": Sizes(fraud=1_000, honest=7_000),
}
WEIGHTS = {HONEST: 99_000 / SIZES["test"].honest}  # the test stands for 100,000 requests


def read(folder: Path) -> dict[str, Split]:
    """The three splits, whose sources share nothing. Raises DataError on missing or other files."""
    pieces = read_pieces(folder, SEED)
    return {
        name: _split(np.random.default_rng([SEED, number]), pieces[name], sizes)
        for number, (name, sizes) in enumerate(SIZES.items())
    }


def _split(random: np.random.Generator, pieces: Pieces, sizes: Sizes) -> Split:
    count = sizes.fraud + sizes.honest
    kinds, evidence = fraud.frauds(random, sizes.fraud)
    targets = np.full(count, HONEST, np.int8)
    targets[: sizes.fraud] = kinds
    shown = np.zeros((count, 3), bool)  # which modality is drawn from fraudulent pieces
    shown[: sizes.fraud] = (evidence == 2) | ((kinds == COMBINED)[:, None] & (evidence == 1))
    order = random.permutation(count)
    targets, shown = targets[order], shown[order]
    rows = [pieces.transactions[bool(each)] for each in shown[:, 0]]
    numbers = np.stack([each[random.integers(len(each))] for each in rows])
    sessions = [pieces.session(random, bool(each)) for each in shown[:, 1]]
    windows = [_window(random, session) for session in sessions]
    categories = np.zeros((count, len(CATEGORIES)), np.int64)
    categories[:, 0] = [session.user for session in sessions]  # whom the session claims to be

    chosen = fraud.with_documents(random, targets, sizes.documents)
    images = np.empty((len(chosen), SIZE, SIZE), np.uint8)
    for place, row in enumerate(chosen):
        document = crop(random, drawn(random, pieces.receipts))
        if shown[row, 2]:
            forge(random, document, 0.5)
        images[place] = compressed(np.clip(document.pixels, 0, 254), random.uniform(0.5, 1.5))
    inputs: dict[str, np.ndarray] = {
        "categories": categories,
        "document": images,
        "events": np.stack([events for events, _ in windows]),
        "gaps": np.stack([gaps for _, gaps in windows]),
        "numbers": numbers.astype(np.float32),
    }
    return fraud.finished(inputs, targets, chosen)


def _window(random: np.random.Generator, session: Session) -> tuple[np.ndarray, np.ndarray]:
    """LENGTH events in a row from anywhere in a session, with their gaps."""
    start = int(random.integers(len(session.events) - LENGTH + 1))
    part = slice(start, start + LENGTH)
    return session.events[part], session.gaps[part]


DATASET = DataSet(
    name="fraud_spliced",
    origin="ULB transactions, Balabit mouse sessions, SROIE receipts; joined by label, seed 2026",
    licence="ULB: ODbL / DbCL; Balabit and SROIE: for research; not redistributed",
    read=read,
    generate=fraud.generate,
)
