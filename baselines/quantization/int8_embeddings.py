"""INT8 item embeddings: one byte a number and one scale an item, scores in integer arithmetic.

Source: row-wise quantized embedding tables, Guan et al. 2019, arXiv:1911.02079, section 3; the
scheme of Jacob et al. 2018, arXiv:1712.05877, for the scores. The encoder stays fp32, or its
linear layers are INT8 too.
"""

from onnx import ModelProto

from harness import Compression, Method
from harness.int8 import quantize_dynamically
from harness.item_tables import quantize_table
from harness.retrieval import Recent


def solve(problem: Compression, encoder: str, clicks: int) -> ModelProto:
    """The reference with an INT8 table, shown the latest `clicks` clicks."""
    model = Recent(problem.reference(), clicks)  # type: ignore[arg-type]
    graph = problem.export(model)
    graph = quantize_table(graph, rows=model.catalogue + 1)
    return quantize_dynamically(graph, True, False) if encoder == "int8" else graph


METHOD = Method(
    name="int8_embeddings",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"encoder": "fp32", "clicks": 50},
        {"encoder": "int8", "clicks": 50},
        {"encoder": "fp32", "clicks": 12},
    ),
    source="arXiv:1911.02079",
    modalities=("clicks",),
)
