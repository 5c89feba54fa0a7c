"""TinyBERT distillation: a student of few layers copies hidden states, attention and logits.

Source: Jiao et al. 2020, arXiv:1909.10351, section 3.1 (uniform layer map, squared errors of hidden
states and of attention before its softmax; padding counts for nothing).
Departs from it: no general distillation; the student starts as the teacher's mapped layers, so it
keeps the teacher's width; both losses in one pass.
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method

HIDDEN_WEIGHT, ATTENTION_WEIGHT = 1.0, 1.0


class Tap:
    """Keeps what chosen modules returned last."""

    def __init__(self, modules: list[Any]) -> None:
        self.kept: dict[int, Any] = {}
        for number, module in enumerate(modules):
            module.register_forward_hook(self._keeper(number))

    def _keeper(self, number: int) -> Any:
        def keep(_: nn.Module, __: Any, output: Any) -> None:
            self.kept[number] = output

        return keep


class Taps:
    """What a model made of its last batch in chosen layers, and the batch's mask."""

    def __init__(self, model: Any, layers: list[int]) -> None:
        chosen = [model.layers[index] for index in layers]
        self.hidden = Tap(chosen)
        self.queries = Tap([layer.attention.self.query for layer in chosen])
        self.keys = Tap([layer.attention.self.key for layer in chosen])
        self.sizes = [layer.attention.self.attention_head_size for layer in chosen]
        self.mask = torch.empty(0)
        model.register_forward_pre_hook(self._keep_mask)

    def _keep_mask(self, _: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
        self.mask = inputs[1]

    def scores(self, number: int) -> Tensor:
        """Attention before its softmax, float (n, heads, t, t)."""
        size = self.sizes[number]
        query, key = (
            tap.kept[number].unflatten(2, (-1, size)).transpose(1, 2)
            for tap in (self.queries, self.keys)
        )
        scores: Tensor = query @ key.transpose(2, 3) * size**-0.5
        return scores


def error(mine: Tensor, theirs: Tensor, counts: Tensor) -> Tensor:
    """Mean squared difference where `counts` (broadcast) is 1."""
    counts = counts.to(mine.dtype).expand_as(mine)
    return ((mine - theirs) ** 2 * counts).sum() / counts.sum().clamp_min(1)


def solve(problem: Compression, layers: int, attention: bool) -> nn.Module:
    """A student of `layers` layers."""
    teacher: Any = problem.reference()
    student: Any = problem.reference()
    count = len(teacher.layers)
    layers = min(layers, count)
    mapped = [(index + 1) * count // layers - 1 for index in range(layers)]
    student.layers = nn.ModuleList(student.layers[index] for index in mapped)
    wanted, found = Taps(teacher, mapped), Taps(student, list(range(layers)))

    def imitation(_: nn.Module) -> Tensor:
        present = found.mask
        pairs = present[:, None, :, None] * present[:, None, None, :]
        loss = torch.zeros(())
        for number in range(layers):
            mine, theirs = found.hidden.kept[number], wanted.hidden.kept[number]
            loss = loss + HIDDEN_WEIGHT * error(mine, theirs, present[:, :, None]) / layers
            if attention:
                mine, theirs = found.scores(number), wanted.scores(number)
                loss = loss + ATTENTION_WEIGHT * error(mine, theirs, pairs) / layers
        return loss

    options: dict[str, Any] = {"teacher": teacher, "penalty": imitation, "temperature": 1.0}
    trained = problem.finetune(student, **options)
    for module in trained.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    return trained


METHOD = Method(
    name="tinybert_distillation",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"layers": 3, "attention": True},
        {"layers": 2, "attention": True},
        {"layers": 1, "attention": True},
        {"layers": 3, "attention": False},
    ),
    source="arXiv:1909.10351",
    modalities=("text",),
)
