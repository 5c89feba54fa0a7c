"""Cell search on NATS-Bench's official files: the same questions, other means over trials."""

from dataclasses import replace
from pathlib import Path

from tasks.cell_search.task import TASK as PUBLISHED_TABLES
from tasks.datasets.nats_bench import DATASET

TASK = replace(
    PUBLISHED_TABLES,
    name="cell_search_nats",
    title="Cell search on NATS-Bench's official files",
    dataset=DATASET,
    clock="simulated seconds: measured training time and one validation, as NATS-Bench charges",
    folder=Path(__file__).parent,
)
