"""The recommender again, on data that no method was tuned on; the card is README.md beside it."""

from dataclasses import replace
from pathlib import Path

from harness import Budget, Metric
from tasks.beauty_graph_recommendation.space import BATCH_MACS
from tasks.beauty_graph_recommendation.task import TASK as BEAUTY
from tasks.datasets import amazon

EPOCH = 3 * BATCH_MACS * 76  # training compute of one epoch of the reference: 19,412 users

TASK = replace(
    BEAUTY,
    name="toys_graph_recommendation",
    title="Toys graph recommendation",
    dataset=amazon.TOYS,
    classes=11_924,
    metric=Metric("NDCG@10", chance=4.5436 / 11_924),
    budgets={
        "smoke": BEAUTY.budgets["smoke"],
        "standard": Budget(train_macs=5 * EPOCH, wall_seconds=3600),
        "full": Budget(train_macs=100 * EPOCH, wall_seconds=24 * 3600),
    },
    reference_train_macs=20 * EPOCH,
    search=None,
    growth=None,
    folder=Path(__file__).parent,
)
