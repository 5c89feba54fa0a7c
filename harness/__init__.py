"""slimbench: train once, measure on fixed profiles, rank from records."""

from harness.types import (
    Budget,
    Compression,
    DataSet,
    Input,
    Limit,
    Method,
    Metric,
    Recipe,
    Search,
    Split,
    Task,
)

__all__ = [
    "Budget",
    "Compression",
    "DataSet",
    "Input",
    "Limit",
    "Method",
    "Metric",
    "Recipe",
    "Search",
    "Split",
    "Task",
]
