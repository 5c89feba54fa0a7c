"""What each part of a trained reference is worth: quality when one part is cut or quantized.

The same measures steer methods (harness/transformer.py, harness/sparsity.py); here they are taken
of the reference as it is, without training after a cut.

Source: head importance of Michel et al. 2019, arXiv:1905.10650, section 4.1; layer sensitivity as
in Han et al. 2015, arXiv:1506.02626, section 3.2; dropped layers as in Sajjad et al. 2020,
arXiv:2004.03844, section 3.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import onnx
from torch import nn

from harness.int8 import PRODUCTS, quantize
from harness.problems import Compression
from harness.record_studies import ProbeBlock
from harness.sparsity import pruned_quality
from harness.transformer import (
    gate_scores,
    head_importance,
    highest,
    keep_heads,
    keep_layers,
    keep_neurons,
)

BATCHES = 50  # of training examples, for the gradients
SPARSITY = 0.8
SHARE = 0.5  # of heads and of neurons that go


def head_table(problem: Compression) -> list[list[float]]:
    """Importance of each head by layer, each layer's of length 1, as head pruning ranks them."""
    scores = head_importance(problem, problem.reference(), BATCHES)
    return [[float(value) for value in layer] for layer in scores]


def probes(
    problem: Compression, runtime: Callable[[onnx.ModelProto], float]
) -> Iterator[ProbeBlock]:
    """One change at a time and the validation quality that it leaves.

    `runtime(graph)` is the validation quality of a graph in the runtime, for INT8.
    """
    model: Any = problem.reference()
    for layer in range(len(model.layers)):
        stay = [number for number in range(len(model.layers)) if number != layer]
        trial = copy.deepcopy(model)
        keep_layers(trial, stay)
        yield ProbeBlock(change="dropped", layer=layer, quality=problem.validate(trial))
    yield from _narrowed(problem, model)
    for name, found in pruned_quality(problem, model, SPARSITY):
        if (place := _place(name, ".")) is not None:
            layer, operator = place
            yield ProbeBlock(
                change="pruned", layer=layer, operator=operator, share=SPARSITY, quality=found
            )
    yield from _quantized(problem, model, runtime)


def _narrowed(problem: Compression, model: Any) -> Iterator[ProbeBlock]:
    """Each layer without the less important half of its heads, then of its neurons."""
    heads = head_importance(problem, model, BATCHES)
    neurons = [score for _, score in gate_scores(problem, model, BATCHES, 2)]
    cuts: tuple[tuple[Any, Any, Any], ...] = (
        ("heads", keep_heads, heads),
        ("neurons", keep_neurons, neurons),
    )
    for change, keep, scores in cuts:
        for layer, score in enumerate(scores):
            trial = copy.deepcopy(model)
            keep(trial.layers[layer], highest(score, max(1, round((1 - SHARE) * len(score)))))
            found = problem.validate(trial)
            yield ProbeBlock(change=change, layer=layer, share=SHARE, quality=found)


def _quantized(
    problem: Compression, model: nn.Module, runtime: Callable[[onnx.ModelProto], float]
) -> Iterator[ProbeBlock]:
    """Static INT8 of one layer's products, then of one kind of product in all layers."""
    graph = problem.export(model)
    nodes = {
        node.name: place
        for node in graph.graph.node
        if node.op_type in PRODUCTS and (place := _place(node.name.rpartition("/")[0], "/"))
    }
    for layer in sorted({layer for layer, _ in nodes.values()}):
        chosen = [name for name, place in nodes.items() if place[0] == layer]
        found = runtime(quantize(problem, copy.deepcopy(graph), nodes=chosen))
        yield ProbeBlock(change="int8", layer=layer, quality=found)
    for operator in dict.fromkeys(operator for _, operator in nodes.values()):
        chosen = [name for name, place in nodes.items() if place[1] == operator]
        found = runtime(quantize(problem, copy.deepcopy(graph), nodes=chosen))
        yield ProbeBlock(change="int8", operator=operator, quality=found)


def _place(name: str, mark: str) -> tuple[int, str] | None:
    """The layer and the operator of `layers.3.output.dense`; None outside the layers."""
    first, _, rest = name.partition(mark)
    number, _, operator = rest.partition(mark)
    return (int(number), operator.replace(mark, ".")) if first == "layers" else None
