"""4-bit weights in blocks: less to store and to read; inside a product activations may be int8.

Source: block-wise round-to-nearest as in Dettmers and Zettlemoyer 2022, arXiv:2212.09720, by ONNX
Runtime's MatMulNBits.
"""

from onnx import ModelProto
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from harness import Compression, Method


def solve(problem: Compression, block: int) -> ModelProto:
    """The reference with one scale for `block` weights of a linear layer."""
    graph = problem.export(problem.reference())
    quantizer = MatMulNBitsQuantizer(graph, block_size=block, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    return quantizer.model.model


METHOD = Method(
    name="int4_weight_only",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"block": 32}, {"block": 64}, {"block": 128}),
    source="arXiv:2212.09720",
    modalities=("text",),
)
