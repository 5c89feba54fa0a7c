"""Unstructured sparsity: masks over weights that stay through training."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from harness.problems import Compression

Masks = dict[str, Tensor]


def prunable(model: nn.Module, keep: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Weights of linear and convolution layers by layer name, without those in `keep`."""
    return {
        name: module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name not in keep
    }


def magnitude_masks(model: nn.Module, sparsity: Mapping[str, float]) -> Masks:
    """Masks, bool of each weight's shape, that drop the share `sparsity[layer]` of the smallest."""
    masks = {}
    weights = prunable(model)
    for name, share in sparsity.items():
        size = weights[name].detach().abs()
        count = round(share * size.numel())
        threshold = size.flatten().kthvalue(count).values if count else size.min() - 1
        masks[name] = size > threshold
    return masks


def apply(model: nn.Module, masks: Masks) -> None:
    """Zero what the masks drop, in place."""
    weights = prunable(model)
    with torch.no_grad():
        for name, mask in masks.items():
            weights[name].mul_(mask)


def pruned_quality(
    problem: Compression, model: nn.Module, sparsity: float, examples: int | None = None
) -> Iterator[tuple[str, float]]:
    """Each layer's name and the validation quality with `sparsity` of its weights zero."""
    for name in prunable(model, problem.keep):
        trial = copy.deepcopy(model)
        apply(trial, magnitude_masks(trial, {name: sparsity}))
        yield name, problem.validate(trial, examples)


def gradual(
    sparsity: Mapping[str, float], ramp: float, updates: int = 20
) -> Callable[[nn.Module, float], None]:
    """An `after_step` for training: masks that grow on a cubic schedule until progress `ramp`.

    Source: Zhu and Gupta 2017, arXiv:1710.01878, section 3. `ramp` 0 cuts once, at the start.
    """
    state: dict[str, Masks] = {}
    stage = [-1]

    def after_step(model: nn.Module, progress: float) -> None:
        now = updates if ramp == 0 else min(updates, int(updates * progress / ramp))
        if now != stage[0]:
            done = 1 - (1 - now / updates) ** 3
            shares = {name: done * share for name, share in sparsity.items()}
            state["masks"], stage[0] = magnitude_masks(model, shares), now
        apply(model, state["masks"])

    return after_step
