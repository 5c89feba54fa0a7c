"""Make a BERT sentence classifier small and fast; the card is README.md beside this file."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness import Budget, Input, Limit, Metric, Recipe, Task
from tasks.datasets import sst2
from tasks.datasets.changes import text_changes
from tasks.datasets.sequences import cut_padding, lengths
from tasks.models import pretrained
from tasks.scoring import by_class, correct, labels
from tasks.sst2_bert_compression.space import EPOCH, REFERENCE_MACS, SEARCH


def build(**shape: Any) -> Any:
    """MiniLM with an untrained classifier; scaled by `width` and `depth`, an untrained BERT."""
    from tasks.models import bert

    return bert.build(**shape)


def variant(name: str) -> Task:
    """The task with another BERT as its reference, by hub name or folder; budgets scale by MACs.

    Raises DataError when it is not to be had, is no BERT, or has another tokenizer.
    """
    folder = pretrained.folder(name).resolve()
    config = pretrained.configuration(folder)
    sst2.check_vocabulary(folder, config)
    factor = pretrained.request_macs(config, sst2.LENGTH) / REFERENCE_MACS
    return replace(
        TASK,
        title=f"{TASK.title} of {name}",
        build=partial(build, checkpoint=str(folder)),
        checkpoint=folder,
        budgets={scale: _scaled(budget, factor) for scale, budget in TASK.budgets.items()},
        reference_train_macs=factor * TASK.reference_train_macs,
        search=replace(
            SEARCH, search_macs={scale: factor * macs for scale, macs in SEARCH.search_macs.items()}
        ),
    )


def _scaled(budget: Budget, factor: float) -> Budget:
    """The budget for a reference of `factor` times the MACs; never less time."""
    seconds = budget.wall_seconds * max(1.0, factor)
    return replace(budget, train_macs=factor * (budget.train_macs or 0), wall_seconds=seconds)


TASK = Task(
    name="sst2_bert_compression",
    version=1,
    title="SST-2 BERT compression",
    modality="text",
    dataset=sst2.DATASET,
    inputs=(Input("ids", "int64", (sst2.LENGTH,)), Input("mask", "int64", (sst2.LENGTH,))),
    classes=2,
    metric=Metric("accuracy", chance=0.5),
    limits=(
        Limit("size_bytes", "at_most", 20e6),
        Limit("latency_ms", "at_most", 10.0),
        Limit("retention", "at_least", 0.99),
    ),
    budgets={
        "smoke": Budget(train_macs=3 * 7.3e6 * 2048 * 4, most_epochs=2, wall_seconds=120),
        "standard": Budget(train_macs=1.5 * EPOCH, wall_seconds=2 * 3600),
        "full": Budget(train_macs=30 * EPOCH, wall_seconds=24 * 3600),
    },
    recipe=Recipe(
        optimizer="adamw",
        learning_rate=5e-4,
        weight_decay=0.01,
        batch_size=64,
        warmup=0.1,
        finetune_factor=0.2,
        reference_factor=0.2,
        lengths=lengths,
        shorten=cut_padding,
    ),
    build=build,
    smoke_shape={"width": 1 / 6, "depth": 1 / 3},
    reference_epochs=4,
    reference_train_macs=4 * EPOCH,
    predict=labels,
    example_scores=correct,
    slices=by_class(sst2.CLASSES),
    changes=text_changes(),
    folder=Path(__file__).parent,
    preload=("tasks.models.bert",),
    variant=variant,
    throughput_batch=32,
    mask="mask",
    search=SEARCH,
)
