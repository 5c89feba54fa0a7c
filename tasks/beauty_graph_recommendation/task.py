"""Recommend the next item fast, from clicks and a graph; the card is README.md beside this file."""

from pathlib import Path
from typing import Any

from harness import Budget, Input, Limit, Metric, Recipe, Task
from tasks import ranking
from tasks.beauty_graph_recommendation.growth import GROWTH
from tasks.beauty_graph_recommendation.space import EPOCH, FUSIONS, SEARCH
from tasks.datasets import amazon

CHANCE = 4.5436 / 12_101  # the mean of 1 / log2(1 + rank) over random ranks


def build(context: Any = None, **shape: Any) -> Any:
    """The untrained hybrid for the graph in `context`, scaled by `width` and `depth`."""
    from tasks.models import recommender

    return recommender.build(context, **shape)


def rank(model: Any) -> Any:
    """The model with its item vectors cached and the ranking behind it."""
    from tasks.models.clicks import Ranked

    return Ranked(model, ranking.TOP)


def examples(model: Any, inputs: Any, targets: Any) -> Any:
    """Logits and targets of every position of a batch."""
    from tasks.models import clicks

    return clicks.examples(model, inputs, targets)


TASK = Task(
    name="beauty_graph_recommendation",
    version=1,
    title="Beauty graph recommendation",
    modality="clicks",
    dataset=amazon.BEAUTY,
    inputs=(Input("history", "int64", (amazon.LENGTH,)),),
    output=Input("top", "int64", (ranking.TOP,)),
    classes=12_101,
    metric=Metric("NDCG@10", chance=CHANCE),
    limits=(
        Limit("retention", "at_least", 0.99),
        Limit("latency_ms_p99", "at_most", 2.0),
    ),
    budgets={
        "smoke": Budget(train_macs=2.0e9, most_epochs=4, wall_seconds=120),
        "standard": Budget(train_macs=5 * EPOCH, wall_seconds=3600),
        "full": Budget(train_macs=100 * EPOCH, wall_seconds=24 * 3600),
    },
    recipe=Recipe(
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.1,
        batch_size=256,
        warmup=0.1,
        most_epochs=20,
        examples=examples,
    ),
    build=build,
    choices={"fusion": FUSIONS},
    deploy=rank,
    smoke_shape={"width": 0.25},
    keep=("norm",),
    threads=1,
    reference_epochs=20,
    reference_train_macs=20 * EPOCH,
    predict=ranking.ranked_ids,
    example_scores=ranking.ndcg,
    figures=ranking.figures,
    slices=ranking.by_history_and_item,
    search=SEARCH,
    growth=GROWTH,
    folder=Path(__file__).parent,
    preload=("tasks.models.recommender",),
)
