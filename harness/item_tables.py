"""INT8 item tables in ONNX graphs: stored once, read by the lookup and by the scores.

ONNX Runtime's own dynamic quantization stores a table that is read twice in two copies, and looks
rows up in fp32. Here a row has one scale; the request's vector is quantized at run time by its own
range, as in Jacob et al. 2018, arXiv:1712.05877, section 2.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from harness.errors import SlimbenchError

LEVELS = 127


def quantize_table(graph: onnx.ModelProto, rows: int) -> onnx.ModelProto:
    """The graph with its float table (rows, width) in int8, in place and returned.

    Raises SlimbenchError when there is not exactly one such table, or something else reads it.
    """
    body = graph.graph
    found = [t for t in body.initializer if list(t.dims)[:1] == [rows] and len(t.dims) == 2]
    if len(found) != 1:
        raise SlimbenchError(
            f"the graph stores {len(found)} tables of {rows} rows, not one; export a model whose "
            "lookup and scores share their item vectors"
        )
    table = numpy_helper.to_array(found[0])
    scale = np.maximum(np.abs(table).max(1), 1e-8).astype(np.float32) / LEVELS  # (rows,)
    stored = np.rint(table / scale[:, None]).astype(np.int8)
    name = found[0].name
    body.initializer.remove(found[0])
    body.initializer.extend(
        [
            numpy_helper.from_array(stored, f"{name}/int8"),
            numpy_helper.from_array(scale, f"{name}/scale"),
            numpy_helper.from_array(np.array([-1], np.int64), f"{name}/last"),
        ]
    )
    for node in [each for each in body.node if name in each.input]:
        if node.op_type == "Gather":
            replaced = _lookup(node, name)
        elif node.op_type == "Gemm" and _flag(node, "transB") and len(node.input) == 2:
            replaced = _scores(node.input[0], node.output[0], name)
        elif node.op_type == "Transpose":
            (reader,) = [each for each in body.node if node.output[0] in each.input]
            replaced = _scores(reader.input[0], reader.output[0], name)
            body.node.remove(node)
            node = reader  # noqa: PLW2901
        else:
            raise SlimbenchError(f"{node.op_type} '{node.name}' reads the item table; not known")
        at = list(body.node).index(node)
        body.node.remove(node)
        for offset, new in enumerate(replaced):
            body.node.insert(at + offset, new)
    del body.value_info[:]
    onnx.checker.check_model(graph)
    return graph


def _flag(node: onnx.NodeProto, name: str) -> bool:
    return any(item.name == name and item.i for item in node.attribute)


def _lookup(node: onnx.NodeProto, table: str) -> list[onnx.NodeProto]:
    ids, out = node.input[1], node.output[0]
    return [
        helper.make_node("Gather", [f"{table}/int8", ids], [f"{out}/int8"], f"{out}/Gather"),
        helper.make_node("Cast", [f"{out}/int8"], [f"{out}/cast"], f"{out}/Cast", to=1),
        helper.make_node("Gather", [f"{table}/scale", ids], [f"{out}/flat"], f"{out}/Scale"),
        helper.make_node("Unsqueeze", [f"{out}/flat", f"{table}/last"], [f"{out}/scale"]),
        helper.make_node("Mul", [f"{out}/cast", f"{out}/scale"], [out], f"{out}/Mul"),
    ]


def _scores(vector: str, out: str, table: str) -> list[onnx.NodeProto]:
    parts = [f"{out}/vector", f"{out}/scale", f"{out}/zero"]
    return [
        helper.make_node("DynamicQuantizeLinear", [vector], parts, f"{out}/Quantize"),
        helper.make_node("Transpose", [f"{table}/int8"], [f"{out}/table"], perm=[1, 0]),
        helper.make_node(
            "MatMulInteger", [parts[0], f"{out}/table", parts[2]], [f"{out}/whole"], f"{out}/MatMul"
        ),
        helper.make_node("Cast", [f"{out}/whole"], [f"{out}/float"], f"{out}/Cast", to=1),
        helper.make_node("Mul", [parts[1], f"{table}/scale"], [f"{out}/scales"], f"{out}/Scales"),
        helper.make_node("Mul", [f"{out}/float", f"{out}/scales"], [out], f"{out}/Mul"),
    ]
