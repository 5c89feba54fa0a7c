"""Structured pruning through Torch-Pruning: whole channels go, dependent layers follow.

Source: Fang et al. 2023, arXiv:2301.12900 (DepGraph), library Torch-Pruning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from harness.errors import UsageError
from harness.problems import Compression

STEPS = 400
ATTENTION = (".query", ".key", ".value")
OUTPUTS = (torch_pruning.prune_conv_out_channels, torch_pruning.prune_linear_out_channels)
Importance = Callable[[Any], Tensor | None]


class RandomScores:
    """A random score for each channel of a group."""

    def __call__(self, group: Any) -> Tensor:
        return torch.rand(len(group[0].idxs))


class ChannelScores:
    """Given scores of each module's output channels, averaged over the layers of a group."""

    def __init__(self, scores: Mapping[nn.Module, Tensor]) -> None:
        self.scores = dict(scores)

    def __call__(self, group: Any) -> Tensor | None:
        members = [
            self.scores[dependency.target.module][indices]
            for dependency, indices in group
            if dependency.target.module in self.scores
            and dependency.handler in OUTPUTS
            and len(indices) == len(group[0].idxs)
        ]
        return torch.stack(members).mean(0) if members else None

    def forget(self, group: Any) -> None:
        """Drop the scores of the channels that a group is about to lose."""
        for dependency, indices in group:
            module = dependency.target.module
            if module in self.scores and dependency.handler in OUTPUTS:
                keep = torch.ones(len(self.scores[module]), dtype=torch.bool)
                keep[list(indices)] = False
                self.scores[module] = self.scores[module][keep]


def l1_norm(**options: Any) -> Importance:
    """L1 norm of each filter of the layer itself (Li et al. 2017, arXiv:1608.08710)."""
    return torch_pruning.importance.GroupMagnitudeImportance(  # type: ignore[no-any-return]
        p=1, group_reduction="first", **options
    )


def pruner_for(
    problem: Compression,
    model: nn.Module,
    importance: Importance,
    kind: Any = torch_pruning.pruner.BasePruner,
    keep: tuple[str, ...] = (),
    **options: Any,
) -> Any:
    """A Torch-Pruning pruner of `model` that leaves alone the outputs of layers to keep.

    Those are the problem's and the given `keep`, by name.

    Heads keep their size too: in a transformer the width and the feed-forward neurons go.
    """
    ignored = [
        module
        for name, module in model.named_modules()
        if name in (*problem.keep, *keep) or name.endswith(ATTENTION)
    ]
    defaults = {"pruning_ratio": 0.99, "max_pruning_ratio": 0.99, "iterative_steps": STEPS}
    with _traceable(model):
        return kind(
            model,
            _example(problem, model),
            importance=importance,
            ignored_layers=ignored,
            **(defaults | options),
        )


def streams(problem: Compression, model: nn.Module) -> tuple[str, ...]:
    """Names of the layers that write a residual stream: their output channels go only together."""
    graph = torch_pruning.DependencyGraph()
    with _traceable(model):
        graph.build_dependency(model, example_inputs=_example(problem, model))
        groups = list(graph.get_all_groups())
    names = {module: name for name, module in model.named_modules()}
    found: list[str] = []
    for group in groups:
        writers = [one.target.module for one, _ in group if one.handler in OUTPUTS]
        if len(set(writers)) > 1:
            found += [names[one] for one in writers]
    return tuple(dict.fromkeys(found))


@contextmanager
def _traceable(model: nn.Module) -> Iterator[None]:
    """Gradients for frozen parameters too: Torch-Pruning follows layers by gradients alone."""
    frozen = [one for one in model.parameters() if not one.requires_grad]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in frozen:
            one.requires_grad_(True)
        yield
    for one in frozen:
        one.requires_grad_(False)


def _example(problem: Compression, model: nn.Module) -> tuple[Tensor, ...]:
    """Two example inputs, where the model is."""
    device = next(model.parameters()).device
    return tuple(tensor[:2].to(device) for tensor in problem.example)


def prune_to(problem: Compression, model: nn.Module, pruner: Any, speed_up: float) -> nn.Module:
    """Prune step by step until the model has 1 / `speed_up` of the reference's MACs.

    Frozen parameters stay frozen. Raises UsageError when the target is not reached.
    """
    frozen = {name for name, one in model.named_parameters() if not one.requires_grad}
    whole = problem.macs(problem.reference())
    target = whole / speed_up
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(STEPS):
            if problem.macs(model) <= target:
                for name, one in model.named_parameters():
                    one.requires_grad_(name not in frozen)
                return model.eval()
            for group in pruner.step(interactive=True):
                if isinstance(pruner.importance, ChannelScores):
                    pruner.importance.forget(group)
                group.prune()
    raise UsageError(
        f"pruning stopped at {whole / problem.macs(model):.1f}x fewer MACs, "
        f"below the setting's {speed_up}x; ask for less"
    )


def prune(
    problem: Compression,
    model: nn.Module,
    importance: Importance,
    speed_up: float,
    **options: Any,
) -> nn.Module:
    """One-shot: cut the least important channels until `speed_up` is reached."""
    return prune_to(problem, model, pruner_for(problem, model, importance, **options), speed_up)
