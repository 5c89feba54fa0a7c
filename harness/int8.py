"""INT8 post-training quantization by ONNX Runtime: static as QDQ graphs, and dynamic."""

from __future__ import annotations

import logging
import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from harness.problems import Compression

PRODUCTS = ["MatMul", "Gemm"]
SHARED_BYTES = 1024  # smaller tensors are left alone
HELD = 4  # batches


class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Feeds calibration examples in small batches, from one batch up to another."""

    def __init__(self, inputs: dict[str, np.ndarray], batch: int = 16) -> None:
        count = len(next(iter(inputs.values())))
        self.feeds = [
            {name: array[start : start + batch] for name, array in inputs.items()}
            for start in range(0, count, batch)
        ]
        self.set_range(0, len(self))

    def __len__(self) -> int:
        return len(self.feeds)

    def set_range(self, start_index: int, end_index: int) -> None:
        """The batches to feed from now on."""
        self.left = iter(self.feeds[start_index:end_index])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next feed, or None at the end."""
        return next(self.left, None)


def quantize(
    problem: Compression,
    graph: onnx.ModelProto,
    calibration: str = "MinMax",
    examples: int = 512,
    per_channel: bool = True,
    nodes: Sequence[str] | None = None,
) -> onnx.ModelProto:
    """Weights int8 (per channel), activations uint8, ranges from `examples` training examples.

    `calibration`: MinMax, Entropy or Percentile, as onnxruntime.quantization defines them; every
    tensor of `HELD` batches is in memory at once, histograms of such groups are added up. In a
    graph with attention, or with several inputs, only matrix products and convolutions are
    quantized: a mask added to scores, or a raw column, may be so large that a range that holds it
    leaves no steps for the rest. `nodes` names the only nodes to quantize.
    """
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        source, ready, result = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        onnx.save(graph, source)
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        attends = any(node.op_type == "Softmax" for node in graph.graph.node)
        only_products = attends or len(graph.graph.input) > 1
        reader = Reader(problem.calibration(examples))
        options: dict[str, Any] = {
            "ActivationSymmetric": False,
            "WeightSymmetric": True,
            "CalibStridedMinMax": math.gcd(HELD, len(reader)),  # of every calibration, by its code
        }
        quantization.quantize_static(
            str(ready),
            str(result),
            reader,
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=per_channel,
            calibrate_method=quantization.CalibrationMethod[calibration],
            op_types_to_quantize=[*PRODUCTS, "Conv"] if only_products else None,
            nodes_to_quantize=nodes,
            extra_options=options,
        )
        return _shared(onnx.load(result))


def _shared(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with one copy of each large int8 weight; fusion makes one for every use."""
    weights = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    first: dict[tuple[object, ...], str] = {}
    other: dict[str, str] = {}
    kept = []
    for tensor in model.graph.initializer:
        content = (tensor.data_type, tuple(tensor.dims), tensor.raw_data)
        large = tensor.data_type in weights and len(tensor.raw_data) >= SHARED_BYTES
        if large and content in first:
            other[tensor.name] = first[content]
            continue
        kept.append(tensor)
        if large:
            first[content] = tensor.name
    if other:
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
        for node in model.graph.node:
            node.input[:] = [other.get(name, name) for name in node.input]
    return model


def quantize_dynamically(
    graph: onnx.ModelProto, per_channel: bool = False, embeddings: bool = True
) -> onnx.ModelProto:
    """Linear layers with int8 weights and run-time ranges; int8 tables where `embeddings`."""
    logging.getLogger().setLevel(logging.ERROR)
    _untie(graph.graph)
    graph.graph.ClearField("value_info")  # stale shapes of the exporter make quantize_dynamic fail
    operators = [*PRODUCTS, "Gather"] if embeddings else PRODUCTS
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "dynamic.onnx"
        quantization.quantize_dynamic(
            graph, result, op_types_to_quantize=operators, per_channel=per_channel
        )
        return onnx.load(result)


def _untie(graph: onnx.GraphProto) -> None:
    """Give each Gemm weights of its own: quantize_dynamic transposes them for all who read them."""
    readers = Counter(name for node in graph.node for name in node.input)
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Gemm" and node.input[1] in stored and readers[node.input[1]] > 1:
            own = onnx.TensorProto()
            own.CopyFrom(stored[node.input[1]])
            own.name = node.input[1] = f"{own.name}_of_{node.name or node.output[0]}"
            graph.initializer.append(own)
