"""ONNX operators that move, cut, join or make tensors, in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import torch
from torch import Tensor
from torch.nn import functional

from harness.artifact.torch_attributes import Attributes, integers, together

Function = Callable[..., Any]


def _dtype(a: Attributes, kind: int) -> torch.dtype:
    array = onnx.helper.tensor_dtype_to_np_dtype(kind)
    if array.kind == "f" or array.name == "bfloat16":
        return a.dtype
    found: torch.dtype = getattr(torch, array.name)
    return found


def _cast(a: Attributes, x: Tensor) -> Tensor:
    return x.to(_dtype(a, a.get("to")))


def _reshape(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = integers(shape)
    if not a.get("allowzero", 0):
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return x.reshape(sizes)


def _flatten(a: Attributes, x: Tensor) -> Tensor:
    axis = a.get("axis", 1) % (x.dim() + 1)
    return x.reshape(int(torch.tensor(x.shape[:axis]).prod()), -1)


def _transpose(a: Attributes, x: Tensor) -> Tensor:
    return x.permute(a.get("perm", list(reversed(range(x.dim())))))


def _squeeze(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(integers(axes))


def _unsqueeze(a: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    listed = integers(axes)
    rank = x.dim() + len(listed)
    for axis in sorted(axis % rank for axis in listed):
        x = x.unsqueeze(axis)
    return x


def _slice(
    a: Attributes,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    begin, end = integers(starts), integers(ends)
    listed = integers(axes) if axes is not None else list(range(len(begin)))
    strides = integers(steps) if steps is not None else [1] * len(begin)
    for first, last, axis, step in zip(begin, end, listed, strides, strict=True):
        cut = slice(first, last if last > -(2**62) else None, step)
        if step > 0:
            x = x[(slice(None),) * (axis % x.dim()) + (cut,)]
        else:
            chosen = list(range(x.shape[axis])[cut])
            x = x.index_select(axis, torch.tensor(chosen, device=x.device))
    return x


def _split(a: Attributes, x: Tensor, sizes: Tensor | None = None) -> Any:
    axis = a.get("axis", 0)
    if sizes is not None:
        return torch.split(x, integers(sizes), axis)
    parts = a.get("num_outputs", a.outputs)
    return torch.split(x, -(-x.shape[axis] // parts), axis)


def _gather(a: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = a.get("axis", 0) % x.dim()
    x, indices = together((x, indices))
    indices = torch.where(indices < 0, indices + x.shape[axis], indices).long()
    found = x.index_select(axis, indices.flatten())
    return found.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _gather_elements(a: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = a.get("axis", 0)
    x, indices = together((x, indices))
    return x.gather(axis, torch.where(indices < 0, indices + x.shape[axis], indices).long())


def _gather_nd(a: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    if a.get("batch_dims", 0):
        raise NotImplementedError("GatherND with batch_dims")
    x, indices = together((x, indices))
    return x[tuple(indices.long().unbind(-1))]


_SCATTERS = {b"add": "sum", b"mul": "prod", b"max": "amax", b"min": "amin"}


def _scatter_elements(a: Attributes, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    axis, how = a.get("axis", 0), a.get("reduction", b"none")
    x, indices, updates = together((x, indices, updates))
    indices = torch.where(indices < 0, indices + x.shape[axis], indices).long()
    if how == b"none":
        return x.scatter(axis, indices, updates)
    return x.scatter_reduce(axis, indices, updates, _SCATTERS[how])


def _scatter_nd(a: Attributes, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    x, indices, updates = together((x, indices, updates))
    how = a.get("reduction", b"none")
    if how not in (b"none", b"add"):
        raise NotImplementedError(f"ScatterND with reduction {how.decode()}")
    where = tuple(indices.long().unbind(-1))
    return x.clone().index_put(where, updates, accumulate=how == b"add")


def _pad(
    a: Attributes, x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None
) -> Tensor:
    amounts = integers(pads)
    half = len(amounts) // 2
    listed = [axis % x.dim() for axis in integers(axes)] if axes is not None else range(half)
    sides = {axis: (amounts[i], amounts[i + half]) for i, axis in enumerate(listed)}
    mode = a.get("mode", b"constant").decode()
    last = x.dim() if mode == "constant" else x.dim() - min(sides)
    order = [n for axis in reversed(range(x.dim())) for n in sides.get(axis, (0, 0))]
    if mode == "constant":
        return functional.pad(x, order, value=0.0 if value is None else float(value))
    nonzero = [i for i, n in enumerate(order) if n]
    kept = order[: max(2, -(-(max(nonzero, default=0) + 1) // 2) * 2)][: 2 * last]
    return functional.pad(x, kept, mode={"edge": "replicate"}.get(mode, mode))


def _resize(
    a: Attributes,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    mode = a.get("mode", b"nearest").decode()
    if sizes is not None:
        target = integers(sizes)[2:]
    else:
        assert scales is not None
        target = [int(n * s) for n, s in zip(x.shape[2:], scales.float().tolist()[2:], strict=True)]
    if mode == "nearest":
        return functional.interpolate(x, target)
    names = {"linear": {3: "linear", 4: "bilinear", 5: "trilinear"}[x.dim()], "cubic": "bicubic"}
    corners = a.get("coordinate_transformation_mode", b"half_pixel") == b"align_corners"
    return functional.interpolate(x, target, mode=names[mode], align_corners=corners)


def _constant_of_shape(a: Attributes, shape: Tensor) -> Tensor:
    value = a.get("value")
    number: Any = onnx.numpy_helper.to_array(value).item() if value is not None else 0.0
    kind = _dtype(a, value.data_type) if value is not None else a.dtype
    device = "cpu" if kind == torch.int64 else a.device
    return torch.full(integers(shape), number, dtype=kind, device=device)


def _one_hot(a: Attributes, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    hot = functional.one_hot(indices.long() % integers(depth)[0], integers(depth)[0])
    off, on = values.unbind()
    found = torch.where(hot.bool(), on, off)
    return found.movedim(-1, a.get("axis", -1))


def _trilu(a: Attributes, x: Tensor, k: Tensor | None = None) -> Tensor:
    shift = integers(k)[0] if k is not None else 0
    return torch.triu(x, shift) if a.get("upper", 1) else torch.tril(x, shift)


def _expand(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = integers(shape)
    missing = [1] * (len(sizes) - x.dim())
    own = [1] * (x.dim() - len(sizes))
    wanted = [*own, *sizes]
    return x.expand(
        [
            max(n, m) if 0 not in (n, m) else 0
            for n, m in zip([*missing, *x.shape], wanted, strict=True)
        ]
    )


LAYOUT: dict[tuple[str, str], Function] = {
    ("", "Cast"): _cast,
    ("", "CastLike"): lambda a, x, like: x.to(like.dtype),
    ("", "Concat"): lambda a, *each: torch.cat(list(together(each)), a.get("axis")),
    ("", "ConstantOfShape"): _constant_of_shape,
    ("", "CumSum"): lambda a, x, axis: torch.cumsum(x, integers(axis)[0]),
    ("", "DepthToSpace"): lambda a, x: functional.pixel_shuffle(x, a.get("blocksize")),
    ("", "Expand"): _expand,
    ("", "Flatten"): _flatten,
    ("", "Gather"): _gather,
    ("", "GatherElements"): _gather_elements,
    ("", "GatherND"): _gather_nd,
    ("", "OneHot"): _one_hot,
    ("", "Pad"): _pad,
    ("", "Range"): lambda a, first, last, step: torch.arange(
        first.item(), last.item(), step.item(), dtype=first.dtype
    ),
    ("", "Reshape"): _reshape,
    ("", "Resize"): _resize,
    ("", "ScatterElements"): _scatter_elements,
    ("", "ScatterND"): _scatter_nd,
    ("", "Shape"): lambda a, x: torch.tensor(x.shape[a.get("start", 0) : a.get("end")]),
    ("", "Size"): lambda a, x: torch.tensor(x.numel()),
    ("", "Slice"): _slice,
    ("", "Split"): _split,
    ("", "Squeeze"): _squeeze,
    ("", "Tile"): lambda a, x, repeats: x.repeat(integers(repeats)),
    ("", "Transpose"): _transpose,
    ("", "Trilu"): _trilu,
    ("", "Unsqueeze"): _unsqueeze,
}
