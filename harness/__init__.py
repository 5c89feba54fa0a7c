"""slimbench: train once, measure on fixed profiles, rank from records."""

from harness.types import (
    Architecture,
    Budget,
    Case,
    Compression,
    DataSet,
    Input,
    Limit,
    Method,
    Metric,
    Recipe,
    Search,
    Space,
    Split,
    TableTask,
    Task,
    TrainedSpace,
)

__all__ = [
    "Architecture",
    "Budget",
    "Case",
    "Compression",
    "DataSet",
    "Input",
    "Limit",
    "Method",
    "Metric",
    "Recipe",
    "Search",
    "Space",
    "Split",
    "TableTask",
    "Task",
    "TrainedSpace",
]
