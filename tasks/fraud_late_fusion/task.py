"""Tell fraud from a transaction, a behaviour log and a document; the card is README.md here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness import Budget, Input, Limit, Metric, Recipe, Task
from tasks.average_precision import Ranking, figures
from tasks.datasets import fraud
from tasks.datasets.fraud_documents import BLANK
from tasks.fraud_late_fusion.space import EPOCH, SEARCH

PRIOR = float(np.log(fraud.FRAUD_RATE / (1 - fraud.FRAUD_RATE)))  # trained at even odds
KINDS = {
    "stolen card": fraud.CARD,
    "taken-over account": fraud.TAKEOVER,
    "forged document": fraud.FORGED,
    "weak in all": fraud.COMBINED,
}


def build(**shape: Any) -> Any:
    """The untrained monolith; with a `fusion` or scaled, an untrained light late fusion."""
    from tasks.models import fusion

    return fusion.build(**shape)


def predict(outputs: Sequence[np.ndarray]) -> np.ndarray:
    """The graph's logits, float16 (n, 2)."""
    return np.asarray(outputs[0], np.float16)


def ranking(
    predictions: np.ndarray, targets: np.ndarray, stands_for: Mapping[int, float] = fraud.WEIGHTS
) -> Ranking:
    """Margins of the logits (n, 2), with the number of requests that each stands for."""
    margins = predictions[:, 1].astype(np.float64) - predictions[:, 0]
    return Ranking(margins, targets % 2 == 1, requests(targets, stands_for))


def requests(targets: np.ndarray, stands_for: Mapping[int, float] = fraud.WEIGHTS) -> np.ndarray:
    """How many requests of the traffic each example of a stratum stands for, float64 (n,)."""
    weights = np.ones(len(targets))
    for stratum, weight in stands_for.items():
        weights[targets == stratum] = weight
    return weights


def average_precision(predictions: np.ndarray, targets: np.ndarray) -> float:
    """Area under precision-recall over the requests that the sample stands for."""
    return ranking(predictions, targets).average_precision()


def example_scores(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Pseudo-values of average precision, float64 (n,)."""
    return ranking(predictions, targets).pseudo_values()


def slices(targets: np.ndarray) -> dict[str, np.ndarray]:
    """Each kind of fraud against all honest requests."""
    return {name: (targets % 2 == 0) | (targets == kind) for name, kind in KINDS.items()}


def beside(
    predictions: np.ndarray, targets: np.ndarray, stands_for: Mapping[int, float] = fraud.WEIGHTS
) -> Mapping[str, float]:
    """AUROC, recall at 1% false alarms, and calibration error at the true rate of fraud."""
    known = ranking(predictions, targets, stands_for)
    return figures(known, 1 / (1 + np.exp(-(known.scores + PRIOR))))


TASK = Task(
    name="fraud_late_fusion",
    version=1,
    title="Fraud detection by late fusion",
    modality="fusion",
    dataset=fraud.DATASET,
    inputs=(
        Input("categories", "int64", (5,)),
        Input("document", "uint8", (256, 256)),
        Input("events", "int64", (64,)),
        Input("gaps", "float32", (64,)),
        Input("numbers", "float32", (8,)),
    ),
    classes=2,
    metric=Metric("average precision", chance=fraud.FRAUD_RATE),
    limits=(
        Limit("retention", "at_least", 0.99),
        Limit("latency_ms_p99", "at_most", 10.0),
    ),
    budgets={
        "smoke": Budget(train_macs=3 * 4e6 * 768 * 4, most_epochs=2, wall_seconds=120),
        "standard": Budget(train_macs=0.4 * EPOCH, wall_seconds=2 * 3600),
        "full": Budget(train_macs=20 * EPOCH, wall_seconds=24 * 3600),
    },
    recipe=Recipe(
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=0.02,
        batch_size=128,
        warmup=0.1,
        finetune_factor=0.3,
        most_epochs=6,
    ),
    build=build,
    smoke_shape={"width": 0.25, "depth": 0.5},
    reference_epochs=5,
    reference_train_macs=5 * EPOCH,
    predict=predict,
    example_scores=example_scores,
    aggregate=average_precision,
    slices=slices,
    stands_for=requests,
    figures=beside,
    choices={"fusion": ("concatenation", "gated")},
    modalities={
        "transaction": {"categories": 0, "numbers": np.nan},
        "log": {"events": 0, "gaps": 0},
        "document": {"document": BLANK},
    },
    search=SEARCH,
    folder=Path(__file__).parent,
)
