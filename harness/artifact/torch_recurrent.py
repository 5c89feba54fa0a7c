"""ONNX GRU and LSTM in torch's own cells; the order of gates differs and is changed here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from harness.artifact.torch_attributes import Attributes

GRU_GATES = (1, 0, 2)  # ONNX z r h, torch r z n
LSTM_GATES = (0, 2, 3, 1)  # ONNX i o f c, torch i f g o


def _ordered(weight: Tensor, gates: tuple[int, ...]) -> Tensor:
    parts = weight.chunk(len(gates))
    return torch.cat([parts[gate] for gate in gates])


def _weights(w: Tensor, r: Tensor, b: Tensor | None, gates: tuple[int, ...]) -> list[Tensor]:
    """torch's flat list of weights; w: (directions, gates x hidden, size)."""
    flat = []
    for direction in range(len(w)):
        flat += [_ordered(w[direction], gates), _ordered(r[direction], gates)]
        if b is not None:
            flat += [_ordered(half, gates) for half in b[direction].chunk(2)]
    return flat


def _begin(h: Tensor | None, x: Tensor, directions: int, hidden: int) -> Tensor:
    return x.new_zeros(directions, x.shape[1], hidden) if h is None else h


def _refuse(a: Attributes, lengths: Tensor | None, steps: int, gru: bool) -> None:
    if lengths is not None and (lengths != steps).any():
        raise NotImplementedError("recurrent cells with sequences of several lengths")
    if a.get("direction", b"forward") == b"reverse" or a.get("layout", 0) or a.get("clip"):
        raise NotImplementedError("recurrent cells with direction reverse, layout 1 or clip")
    if gru and not a.get("linear_before_reset", 0):
        raise NotImplementedError("GRU with linear_before_reset 0")


def _gru(
    a: Attributes,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Tensor | None = None,
    h: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    _refuse(a, lengths, len(x), gru=True)
    start = _begin(h, x, len(w), r.shape[2])
    flat, both = _weights(w, r, b, GRU_GATES), len(w) == 2
    found, last = torch.gru(x, start, flat, b is not None, 1, 0.0, False, both, False)
    return found.reshape(*found.shape[:2], len(w), -1).transpose(1, 2), last


def _lstm(
    a: Attributes,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Tensor | None = None,
    h: Tensor | None = None,
    c: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    _refuse(a, lengths, len(x), gru=False)
    start = [_begin(each, x, len(w), r.shape[2]) for each in (h, c)]
    flat, both = _weights(w, r, b, LSTM_GATES), len(w) == 2
    found, last, cell = torch.lstm(x, start, flat, b is not None, 1, 0.0, False, both, False)
    return found.reshape(*found.shape[:2], len(w), -1).transpose(1, 2), last, cell


RECURRENT: dict[tuple[str, str], Callable[..., Any]] = {("", "GRU"): _gru, ("", "LSTM"): _lstm}
