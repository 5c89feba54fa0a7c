"""Train a narrow sequence-only network, show it the latest clicks, store and compute in INT8.

Source: the order of Han et al. 2016, arXiv:1510.00149, with the maximum length of arXiv:1808.09781
and row-wise INT8 tables (arXiv:1911.02079). The whole budget trains the network: the reference is
asked for nothing but the principal components of its item vectors, from which it starts.
"""

from typing import Any

from onnx import ModelProto

from harness import Compression, Method
from harness.int8 import quantize_dynamically
from harness.item_tables import quantize_table
from harness.retrieval import Recent, principal, stored

START = 0.02  # standard deviation of the item vectors at first


def solve(problem: Compression, width: float, depth: float, clicks: int) -> ModelProto:
    """A network of `width` and `depth` times the reference's on the latest `clicks` clicks."""
    reference: Any = stored(problem.reference())
    network: Any = problem.build(fusion="sequence", width=width, depth=depth)
    narrow, _ = principal(reference.items(), network.items.weight.shape[1])
    network.items.weight.data = narrow * (START / narrow.std())
    network = problem.train(network)
    graph = problem.export(Recent(network, clicks))
    graph = quantize_table(graph, rows=network.catalogue + 1)
    return quantize_dynamically(graph, True, False)


METHOD = Method(
    name="narrow_truncate_int8",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"width": 0.5, "depth": 0.5, "clicks": 6},
        {"width": 0.5, "depth": 0.5, "clicks": 3},
        {"width": 0.5, "depth": 1.0, "clicks": 6},
        {"width": 0.25, "depth": 0.5, "clicks": 3},
    ),
    source="arXiv:1510.00149",
    modalities=("clicks",),
)
