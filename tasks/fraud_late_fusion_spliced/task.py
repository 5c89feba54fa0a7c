"""Fraud detection once more, on requests spliced from real pieces; the card is README.md here."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tasks.datasets import fraud_spliced
from tasks.fraud_late_fusion.task import TASK as GENERATED
from tasks.fraud_late_fusion.task import beside, ranking, requests


def average_precision(predictions: np.ndarray, targets: np.ndarray) -> float:
    """Area under precision-recall over the requests that the sample stands for."""
    return ranking(predictions, targets, fraud_spliced.WEIGHTS).average_precision()


def example_scores(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Pseudo-values of average precision, float64 (n,)."""
    return ranking(predictions, targets, fraud_spliced.WEIGHTS).pseudo_values()


def figures(predictions: np.ndarray, targets: np.ndarray) -> Mapping[str, float]:
    """AUROC, recall at 1% false alarms, and calibration error at the true rate of fraud."""
    return beside(predictions, targets, fraud_spliced.WEIGHTS)


def stands_for(targets: np.ndarray) -> np.ndarray:
    """How many requests of the traffic each example stands for, float64 (n,)."""
    return requests(targets, fraud_spliced.WEIGHTS)


TASK = replace(
    GENERATED,
    name="fraud_late_fusion_spliced",
    title="Fraud detection, spliced from real pieces",
    dataset=fraud_spliced.DATASET,
    example_scores=example_scores,
    aggregate=average_precision,
    figures=figures,
    stands_for=stands_for,
    search=None,
    folder=Path(__file__).parent,
)
