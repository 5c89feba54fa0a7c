"""torch modules to ONNX graphs, with the outputs of both compared."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from harness.artifact.fake_quantize import TRANSLATIONS
from harness.errors import SlimbenchError
from harness.types import Input

OPSET = 20
TOLERANCE = 2e-3
ROUNDED_TOLERANCE = 2e-2  # of one output behind rounding, where the mean keeps to TOLERANCE
LAST_BIT = torch.finfo(torch.float32).eps
DISTURBED = 3  # times torch's model is compared with itself, its weights changed in the last bit
FURTHER = 3.0  # times as far as these comparisons a graph that rounds may be from torch
DIFFERENT_RANKS = 0.05  # of integer outputs; scores that nearly tie may change places


def to_onnx(
    model: nn.Module,
    inputs: Sequence[Input],
    example: tuple[Tensor, ...],
    free_length: bool = False,
) -> onnx.ModelProto:
    """The module as one ONNX graph with a free batch size, and a free second size if asked for.

    `example`: at least three examples, as the deployed model receives them. Raises SlimbenchError
    when a weight or an output is not finite, or the graph's outputs are not torch's
    (`check_parity`).
    """
    model = model.cpu().float().eval()
    model = model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    _check_finite(model)
    with torch.inference_mode():
        expected = model(*example)
    if not isinstance(expected, Tensor) or expected.shape[0] != example[0].shape[0]:
        shape = tuple(expected.shape) if isinstance(expected, Tensor) else type(expected).__name__
        raise SlimbenchError(
            f"the model returns {shape}, not one row an example; see the task's card"
        )
    longest = example[0].shape[1] if free_length else None
    with _quiet(), torch.no_grad():
        program = _exported(model, inputs, tuple(tensor[:2] for tensor in example), longest)
    if program is None:
        raise SlimbenchError("torch.onnx.export returned nothing; see the run's log")
    graph = program.model_proto
    for index, node in enumerate(graph.graph.node):
        node.name = f"{_scope(node)}{node.op_type}_{index}"
        node.doc_string = ""
        del node.metadata_props[:]
    check_parity(graph, inputs, example, expected.numpy(), model)
    return graph


def warm_up() -> None:
    """Export two numbers, so that what the exporter builds once is there in forked children.

    Starts no thread: a fork would lose it and keep its locks.
    """
    tqdm.monitor_interval = 0
    with _quiet(), torch.no_grad():
        _exported(nn.Identity(), (Input("x", "float32", (2,)),), (torch.zeros(2, 2),))


def _exported(
    model: nn.Module,
    inputs: Sequence[Input],
    example: tuple[Tensor, ...],
    longest: int | None = None,
) -> torch.onnx.ONNXProgram | None:
    """Exported with a free batch size and, up to `longest`, a free length."""
    free = {0: torch.export.Dim("batch", min=1, max=65536)}
    if longest is not None:
        free[1] = torch.export.Dim("length", min=2, max=longest)
    return torch.onnx.export(
        model,
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=[each.name for each in inputs],
        output_names=["output"],
        dynamic_shapes=tuple(free for _ in inputs),
        custom_translation_table=TRANSLATIONS,
        verbose=False,
    )


def check_parity(
    graph: onnx.ModelProto,
    inputs: Sequence[Input],
    example: tuple[Tensor, ...],
    expected: np.ndarray,
    model: nn.Module | None = None,
) -> None:
    """Raise SlimbenchError when ONNX Runtime's outputs are not torch's within TOLERANCE.

    Integer outputs, such as ranked ids, may differ in a share of DIFFERENT_RANKS. Where a graph
    rounds, two sums that differ in the last bit may be a whole level apart: one output may then
    differ by ROUNDED_TOLERANCE, and all may by FURTHER times what the torch `model` differs from
    itself when its weights change in the last bit (a MiniLM that rounds every linear layer: 2% of
    the largest output in the mean, as far as ONNX Runtime is from torch).
    """
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feed = {each.name: tensor.numpy() for each, tensor in zip(inputs, example, strict=True)}
    found = session.run(None, feed)[0]
    if found.shape != expected.shape:
        raise SlimbenchError(f"the exported graph returns {found.shape}, torch {expected.shape}")
    if np.issubdtype(expected.dtype, np.integer):
        share = float(np.mean(found != expected))
        if share > DIFFERENT_RANKS:
            raise SlimbenchError(
                f"{share:.1%} of the exported graph's outputs are not the torch model's "
                f"(limit {DIFFERENT_RANKS:.0%})"
            )
        return
    rounds = any(node.op_type == "QuantizeLinear" for node in graph.graph.node)
    most, mean = (ROUNDED_TOLERANCE if rounds else TOLERANCE), TOLERANCE
    error = _gaps(found, expected)
    if rounds and model is not None and not _within(error, most, mean):
        moved = _moved_by_the_last_bit(model, example)
        most, mean = max(most, FURTHER * moved[0]), max(mean, FURTHER * moved[1])
    if not _within(error, most, mean):
        raise SlimbenchError(
            f"the exported graph differs from the torch model by {error[0]:.2%} of the largest "
            f"output (limit {most:.1%}), {error[1]:.2%} in the mean (limit {mean:.1%})"
        )


def _gaps(found: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """The largest and the mean difference as shares of the largest expected output."""
    gaps = np.abs(found - expected) / max(1e-6, float(np.abs(expected).max()))
    return float(gaps.max()), float(gaps.mean())


def _within(error: tuple[float, float], most: float, mean: float) -> bool:
    return error[0] <= most and error[1] <= mean  # not so for NaN


@torch.no_grad()
def _moved_by_the_last_bit(model: nn.Module, example: tuple[Tensor, ...]) -> tuple[float, float]:
    """The largest `_gaps` of copies of the model whose weights differ in their last bit."""
    generator = torch.Generator().manual_seed(0)
    expected = model(*example).numpy()
    moved = []
    for _ in range(DISTURBED):
        near = copy.deepcopy(model)
        for weight in near.parameters():
            weight.mul_(1 + LAST_BIT * (2 * torch.rand(weight.shape, generator=generator) - 1))
        moved.append(_gaps(near(*example).numpy(), expected))
    return max(most for most, _ in moved), max(mean for _, mean in moved)


def save(graph: onnx.ModelProto, path: Path) -> Path:
    """Write the graph as one file without external data."""
    onnx.save(graph, path)
    return path


def _scope(node: onnx.NodeProto) -> str:
    """The module a node came from, as `stage1/0/conv1/`; empty when the exporter did not say."""
    noted = {item.key: item.value for item in node.metadata_props}
    scopes = ast.literal_eval(noted.get("pkg.torch.onnx.name_scopes", "[]"))
    return f"{scopes[-2].replace('.', '/')}/" if len(scopes) > 1 and scopes[-2] else ""


def _check_finite(model: nn.Module) -> None:
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise SlimbenchError(
                f"weight '{name}' holds NaN or infinite values; nothing was exported"
            )


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """The exporter prints and warns; none of it concerns the user."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
    logging.getLogger("torch.onnx").setLevel(level)
