"""Cutting BERT-like encoders: heads, feed-forward neurons and vocabulary, and their importance.

The model has a list `layers` whose members follow transformers' BertLayer: `attention.self` with
`query`, `key`, `value`; `attention.output.dense`; `intermediate.dense`; `output.dense`. Its token
embedding is `embeddings.word_embeddings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.problems import Compression

PADDING, UNKNOWN, SEPARATORS = 0, 100, (101, 102)  # of the uncased BERT vocabulary


def head_size(layer: Any) -> int:
    """Columns of one head."""
    return int(layer.attention.self.attention_head_size)


def narrowed(
    linear: nn.Linear, rows: Tensor | None = None, columns: Tensor | None = None
) -> nn.Linear:
    """A linear layer of the given output rows and input columns (int64 indices)."""
    weight, bias = linear.weight.detach(), linear.bias.detach()
    weight = weight if rows is None else weight[rows]
    weight = weight if columns is None else weight[:, columns]
    slim = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device)
    slim.weight.data.copy_(weight)
    slim.bias.data.copy_(bias if rows is None else bias[rows])
    return slim


def keep_heads(layer: Any, kept: Tensor) -> None:
    """Narrow a layer's attention, in place, to the heads `kept` (int64), in order."""
    size = head_size(layer)
    columns = (kept[:, None] * size + torch.arange(size, device=kept.device)).flatten()
    attention = layer.attention.self
    for name in ("query", "key", "value"):
        setattr(attention, name, narrowed(getattr(attention, name), rows=columns))
    attention.num_attention_heads = len(kept)
    attention.all_head_size = len(columns)
    layer.attention.output.dense = narrowed(layer.attention.output.dense, columns=columns)


def keep_neurons(layer: Any, kept: Tensor) -> None:
    """Narrow a layer's neurons between its linear parts, in place, to `kept` (int64), in order."""
    layer.intermediate.dense = narrowed(layer.intermediate.dense, rows=kept)
    layer.output.dense = narrowed(layer.output.dense, columns=kept)


def keep_layers(model: Any, kept: Iterable[int]) -> None:
    """Leave, in place, only the layers of these numbers."""
    model.layers = nn.ModuleList(model.layers[number] for number in kept)


@contextmanager
def gates(model: Any) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """For each layer a gate of 1 on every head (heads,) and neuron (neurons,), for gradients."""
    found, hooks = [], []
    for layer in model.layers:
        projection, output = layer.attention.output.dense, layer.output.dense
        size = head_size(layer)
        device = projection.weight.device
        heads = torch.ones(projection.in_features // size, device=device, requires_grad=True)
        neurons = torch.ones(output.in_features, device=device, requires_grad=True)

        def by_head(_: nn.Module, inputs: Any, gate: Tensor = heads, size: int = size) -> Any:
            return inputs[0] * gate.repeat_interleave(size)

        def by_neuron(_: nn.Module, inputs: Any, gate: Tensor = neurons) -> Any:
            return inputs[0] * gate

        hooks.append(projection.register_forward_pre_hook(by_head))
        hooks.append(output.register_forward_pre_hook(by_neuron))
        found.append((heads, neurons))
    yield found
    for hook in hooks:
        hook.remove()


def gate_scores(
    problem: Compression, model: Any, batches: int, power: int
) -> list[tuple[Tensor, Tensor]]:
    """Mean |gradient|^power of the loss by each head and neuron over training batches.

    Returns for each layer float32 (heads,) and (neurons,), on the CPU. One gradient a batch, not
    one an example.
    """
    model.eval()
    with gates(model) as found:
        flat = [gate for pair in found for gate in pair]
        sums = [torch.zeros_like(gate) for gate in flat]
        for inputs, targets in problem.batches(model, batches):
            loss = problem.loss(model, inputs, targets)
            for total, gradient in zip(sums, torch.autograd.grad(loss, flat), strict=True):
                total.add_(gradient.abs() ** power / batches)
    return [(h.cpu(), n.cpu()) for h, n in zip(sums[::2], sums[1::2], strict=True)]


def most_informative(
    scores: list[tuple[Tensor, Tensor]], costs: tuple[float, float], limit: float
) -> list[tuple[Tensor, Tensor]]:
    """Heads and neurons to keep in each layer (bool): the most information within `limit` MACs.

    `costs`: MACs of one head and of one neuron. The best head and neuron of each layer stay.
    """
    kept = [(heads == heads.max(), neurons == neurons.max()) for heads, neurons in scores]
    spent = sum(float(h.sum()) * costs[0] + float(n.sum()) * costs[1] for h, n in kept)
    candidates = [
        (float(score) / costs[kind], layer, kind, index)
        for layer, pair in enumerate(scores)
        for kind in (0, 1)
        for index, score in enumerate(pair[kind])
        if not kept[layer][kind][index]
    ]
    for _, layer, kind, index in sorted(candidates, reverse=True):
        if spent + costs[kind] <= limit:
            kept[layer][kind][index] = True
            spent += costs[kind]
    return kept


def keep_by_fisher(problem: Compression, model: Any, speed_up: float, batches: int = 100) -> Any:
    """Cut a model, in place, to the most informative heads and neurons at 1 / `speed_up` MACs.

    Source: Kwon et al. 2022, arXiv:2204.09656, section 4.1.
    """
    tokens, width = problem.example[0].shape[1], model.classifier.in_features
    size = head_size(model.layers[0])
    costs = (4 * width * size * tokens + 2 * size * tokens**2, 2 * width * tokens)
    scores = gate_scores(problem, model, batches, 2)
    kept = most_informative(scores, costs, problem.macs(model) / speed_up)
    for layer, (heads, neurons) in zip(model.layers, kept, strict=True):
        keep_heads(layer, torch.nonzero(heads).flatten())
        keep_neurons(layer, torch.nonzero(neurons).flatten())
    return model


def head_importance(problem: Compression, model: Any, batches: int) -> list[Tensor]:
    """For each layer float32 (heads,) of length 1: mean |d loss / d gate|.

    Source: Michel et al. 2019, arXiv:1905.10650, section 4.1.
    """
    return [score / score.norm() for score, _ in gate_scores(problem, model, batches, 1)]


def highest(scores: Tensor, count: int) -> Tensor:
    """Places of the `count` highest scores, int64, ascending."""
    return torch.sort(scores.topk(count).indices).values


def embedding_of(weight: Tensor) -> nn.Embedding:
    """A trainable embedding of the given vectors (rows, width)."""
    rows, width = weight.shape
    return nn.Embedding(rows, width, _weight=weight.clone())


def principal_axes(vectors: Tensor, occurrences: np.ndarray) -> Tensor:
    """Directions, (width, width), most variance first, of token vectors (rows, width).

    A row weighs as often as its token occurs in training, (rows,), and once more.
    """
    root = torch.from_numpy(np.sqrt(occurrences + 1.0)).to(vectors)
    axes: Tensor = torch.linalg.svd(root[:, None] * vectors, full_matrices=False)[2]
    return axes


class Vocabulary(nn.Module):
    """An embedding of fewer tokens: a table maps the tokenizer's ids to rows, others to unknown."""

    table: Tensor

    def __init__(self, kept: np.ndarray, size: int, weight: Tensor) -> None:
        super().__init__()
        table = torch.full((size,), int(np.flatnonzero(kept == UNKNOWN)[0]), dtype=torch.int32)
        table[torch.from_numpy(kept)] = torch.arange(len(kept), dtype=torch.int32)
        self.register_buffer("table", table)
        self.rows = embedding_of(weight)

    def forward(self, ids: Tensor) -> Tensor:
        """int64 (n, t) ids of the tokenizer to vectors (n, t, width)."""
        vectors: Tensor = self.rows(self.table[ids])
        return vectors


def frequent(problem: Compression, count: int) -> np.ndarray:
    """Ids of the marks and the most frequent tokens in training, `count` at most, ascending."""
    seen = problem.occurrences("ids").astype(np.int64)
    marks = [PADDING, UNKNOWN, *SEPARATORS]
    seen[marks] = seen.max() + 1
    order = np.argsort(-seen, kind="stable")[:count]
    return np.sort(order[seen[order] > 0])


def new_vocabulary(problem: Compression, count: int, width: int, size: int) -> Vocabulary:
    """Untrained vectors of `width` for the `count` most frequent of `size` tokens."""
    kept = frequent(problem, count)
    return Vocabulary(kept, size, 0.1 * torch.randn(len(kept), width))


def prune_vocabulary(problem: Compression, model: Any, count: int) -> None:
    """Keep, in place, the vectors of the `count` most frequent tokens and of used positions."""
    whole = model.embeddings.word_embeddings
    kept = frequent(problem, count)
    weight = whole.weight.detach()[torch.from_numpy(kept)].clone()
    model.embeddings.word_embeddings = Vocabulary(kept, whole.num_embeddings, weight)
    positions = model.embeddings.position_embeddings
    used = positions.weight.detach()[: problem.example[0].shape[1]].clone()
    model.embeddings.position_embeddings = embedding_of(used)
