"""Dynamic INT8: int8 weights, activations quantized at run time by their own range.

Source: ONNX Runtime's quantize_dynamic; scheme of Jacob et al. 2018, arXiv:1712.05877, section 2.
"""

from onnx import ModelProto

from harness import Compression, Method
from harness.int8 import quantize_dynamically


def solve(problem: Compression, per_channel: bool, embeddings: bool) -> ModelProto:
    """The reference with int8 linear layers, and int8 embeddings if asked for."""
    graph = problem.export(problem.reference())
    return quantize_dynamically(graph, per_channel, embeddings)


METHOD = Method(
    name="dynamic_int8",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"per_channel": False, "embeddings": False},
        {"per_channel": False, "embeddings": True},
        {"per_channel": True, "embeddings": True},
    ),
    source="arXiv:1712.05877",
    modalities=("clicks", "text", "vector"),
)
