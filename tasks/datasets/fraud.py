"""Generated fraud requests: a transaction, the behaviour log before it, and a document image.

Source: no public data set joins the three, so this one is made by fraud_transactions, fraud_logs
and fraud_documents from published figures; those of fraud and sampling are below. All of it
follows from a seed. A request shows evidence of fraud in each modality: 0 none, 1 as some honest
requests do, 2 strong; only their combination tells the weak frauds from honest look-alikes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import DataSet, Split
from harness.data import lookup
from tasks.datasets.fraud_documents import BLANK, SIZE
from tasks.datasets.fraud_forgeries import image
from tasks.datasets.fraud_logs import logs
from tasks.datasets.fraud_transactions import transactions

SEED = 2026
FRAUD_RATE = 0.01  # account opening 1.1% (Jesus et al. 2022, arXiv:2211.13358), e-commerce 0.25%
CARD, TAKEOVER, FORGED, COMBINED = 1, 3, 5, 7  # targets of fraud are odd, of honest requests even
HONEST, LOOK_ALIKE = 0, 2
FRAUD_SHARES = {CARD: 0.35, TAKEOVER: 0.25, FORGED: 0.25, COMBINED: 0.15}  # assumed
STRONG = {CARD: 0, TAKEOVER: 1, FORGED: 2}  # which modality shows strong evidence
LOOKS_ODD = 0.06  # of honest requests, in each modality, independently: assumed
ALSO_ODD = 0.15  # of frauds, in each modality that has no strong evidence: assumed
THREE_ODD = 0.6  # of combined frauds; the others look odd in two modalities: assumed

# The test stands for 100,000 requests: all frauds are kept, and samples of the honest ones.
POPULATION = {"fraud": 1_000, LOOK_ALIKE: 16_800, HONEST: 82_200}  # 1 - 0.94^3 look odd
KEPT = {"fraud": 1_000, LOOK_ALIKE: 4_000, HONEST: 3_000}
WEIGHTS = {  # how many requests each scored one stands for
    LOOK_ALIKE: POPULATION[LOOK_ALIKE] / KEPT[LOOK_ALIKE],
    HONEST: POPULATION[HONEST] / KEPT[HONEST],
}
TIMES = {"train": (0.0, 0.25), "validation": (0.25, 0.4), "test": (0.4, 1.0)}  # drift


@dataclass(frozen=True)
class Sizes:
    """Requests of one split; `documents` of each class have an image, None means all.

    Half of a fraud's images are kept for forged ones, as those are what investigations keep.
    """

    fraud: int
    honest: int
    look_alike: int | None = None
    documents: int | None = None


SIZES = {
    "train": Sizes(fraud=10_000, honest=30_000, documents=4_000),
    "validation": Sizes(fraud=250, honest=750, look_alike=1_000),
    "test": Sizes(fraud=KEPT["fraud"], honest=KEPT[HONEST], look_alike=KEPT[LOOK_ALIKE]),
}
SMOKE_SIZES = {
    "train": Sizes(fraud=256, honest=512, documents=64),
    "validation": Sizes(fraud=30, honest=30, look_alike=20),
    "test": Sizes(fraud=60, honest=50, look_alike=50),
}


def frauds(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets int8 (count,) and evidence int8 (count, 3) of frauds, in FRAUD_SHARES."""
    targets = random.choice(list(FRAUD_SHARES), count, p=list(FRAUD_SHARES.values()))
    evidence = (random.random((count, 3)) < ALSO_ODD).astype(np.int8)
    for kind, modality in STRONG.items():
        evidence[targets == kind, modality] = 2
    spared = np.where(random.random(count) < THREE_ODD, -1, random.integers(0, 3, count))
    combined = np.arange(3) != spared[:, None]
    return targets.astype(np.int8), np.where((targets == COMBINED)[:, None], combined, evidence)


def _honest(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and evidence of honest requests as they come."""
    evidence = (random.random((count, 3)) < LOOKS_ODD).astype(np.int8)
    return np.where(evidence.any(1), LOOK_ALIKE, HONEST).astype(np.int8), evidence


def _look_alikes(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and evidence of honest requests that look odd in one modality at least."""
    patterns = np.stack(np.unravel_index(np.arange(1, 8), (2, 2, 2)), axis=1)
    chances = np.prod(np.where(patterns == 1, LOOKS_ODD, 1 - LOOKS_ODD), axis=1)
    drawn = random.choice(7, count, p=chances / chances.sum())
    return np.full(count, LOOK_ALIKE, np.int8), patterns[drawn].astype(np.int8)


def _plain(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and evidence of honest requests that show nothing."""
    return np.full(count, HONEST, np.int8), np.zeros((count, 3), np.int8)


def population(random: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Targets int8 (n,) and evidence int8 (n, 3) by modality, shuffled.

    Without `look_alike` honest requests come as they are, with it in two strata.
    """
    parts = [frauds(random, sizes.fraud)]
    if sizes.look_alike is None:
        parts.append(_honest(random, sizes.honest))
    else:
        parts += [_look_alikes(random, sizes.look_alike), _plain(random, sizes.honest)]
    targets, evidence = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = random.permutation(len(targets))
    return targets[order], evidence[order]


def split(seed: int, name: str, sizes: Sizes) -> Split:
    """One split. Training targets are 0 or 1; others tell kinds of requests apart."""
    number = list(TIMES).index(name)
    random = np.random.default_rng([seed, number])
    targets, evidence = population(random, sizes)
    drift = np.sort(random.uniform(*TIMES[name], len(targets)))  # in order of time
    paid = transactions(random, evidence[:, 0], drift)
    events, gaps = logs(random, evidence[:, 1], drift)

    def document(row: int) -> np.ndarray:
        own = np.random.default_rng([seed, number, row])
        return image(own, float(paid.numbers[row, 0]), int(evidence[row, 2]), float(drift[row]))

    chosen = with_documents(random, targets, sizes.documents)
    images = np.empty((len(chosen), SIZE, SIZE), np.uint8)
    for place, row in enumerate(chosen):
        images[place] = document(int(row))
    inputs = {
        "categories": paid.categories,
        "document": images,
        "events": events,
        "gaps": gaps,
        "numbers": paid.numbers,
    }
    return finished(inputs, targets, chosen)


def with_documents(
    random: np.random.Generator, targets: np.ndarray, documents: int | None
) -> np.ndarray:
    """Rows that have an image: all, or `documents` of each class, half of the frauds' forged."""
    if documents is None:
        return np.arange(len(targets))
    half = documents // 2
    groups = [
        (targets % 2 == 0, documents),
        (targets == FORGED, half),
        ((targets % 2 == 1) & (targets != FORGED), documents - half),
    ]
    kept = [random.choice(np.flatnonzero(mask), count, False) for mask, count in groups]
    return np.sort(np.concatenate(kept))


def finished(inputs: dict[str, np.ndarray], targets: np.ndarray, chosen: np.ndarray) -> Split:
    """The split; where only the rows `chosen` have an image, others are blank and targets binary.

    `inputs["document"]` holds the images of the chosen rows, uint8 (chosen, 256, 256).
    """
    if len(chosen) == len(targets):
        return Split(inputs, targets)
    index = np.zeros(len(targets), np.int32)
    index[chosen] = 1 + np.arange(len(chosen))
    blank = np.full((1, SIZE, SIZE), BLANK, np.uint8)
    document = lookup(np.concatenate([blank, inputs["document"]]), index)
    return Split(inputs | {"document": document}, (targets % 2).astype(np.int8))


def splits(seed: int, sizes: Mapping[str, Sizes]) -> dict[str, Split]:
    """The three splits of a seed; training comes first in time, the test last."""
    return {name: split(seed, name, each) for name, each in sizes.items()}


def read(folder: Path) -> dict[str, Split]:
    """The published data, generated anew; nothing is read from the folder."""
    return splits(SEED, SIZES)


def generate(seed: int) -> dict[str, Split]:
    """A few hundred requests by the same rules."""
    return splits(seed, SMOKE_SIZES)


def remark(folder: Path) -> str:
    """Whether the prepared files equal the ones that the published figures rest on."""
    found = json.loads((folder / "checksums.json").read_text())
    other = sorted(n for n, each in CHECKSUMS.items() if found.get(n, "")[:16] != each)
    if not other:
        return "every file equals the one that the published figures rest on"
    return (
        f"{', '.join(other)}: other bytes than those that the published figures rest on (another "
        "Pillow or numpy draws them otherwise); your figures are yours, do not compare them"
    )


CHECKSUMS = {  # first 16 digits of the SHA-256 of the published files, Pillow 13.0, numpy 2
    "test/input_categories.npy": "d46bb2124a5a30f1",
    "test/input_document.npy": "6a6eb3b4e9ccfef5",
    "test/input_events.npy": "db832351ee447c4d",
    "test/input_gaps.npy": "49a531576fbb3be7",
    "test/input_numbers.npy": "fe98d272d0ed4eff",
    "test/targets.npy": "d311edc894618e42",
    "train/input_categories.npy": "aa0e6cc8c7006b1c",
    "train/input_document.index.npy": "76ceeb4293e14153",
    "train/input_document.table.npy": "a0db89123a9ae141",
    "train/input_events.npy": "1f880b3014f602d0",
    "train/input_gaps.npy": "76ba834f0ac46a9b",
    "train/input_numbers.npy": "4c42a75e359c8b74",
    "train/targets.npy": "fe73176b0b206b61",
    "validation/input_categories.npy": "58900d1ac86ab705",
    "validation/input_document.npy": "95792d5d530edeef",
    "validation/input_events.npy": "da22d98f03ba15ac",
    "validation/input_gaps.npy": "be9d36eb7caf7084",
    "validation/input_numbers.npy": "93a75f8c10472492",
    "validation/targets.npy": "e341f3059cfd01ab",
}
DATASET = DataSet(
    name="fraud",
    origin="generated by tasks/datasets/fraud.py, seed 2026",
    licence="Apache-2.0, as the code",
    read=read,
    generate=generate,
    remark=remark,
    generated=True,
)
