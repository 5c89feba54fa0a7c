"""slimbench: train once, measure on fixed profiles, rank from records."""

from harness.problems import Compression, Search
from harness.types import (
    Architecture,
    Budget,
    Case,
    DataSet,
    Growth,
    Input,
    Limit,
    Method,
    Metric,
    Recipe,
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
    "Growth",
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
