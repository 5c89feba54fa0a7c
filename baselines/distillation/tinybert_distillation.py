"""TinyBERT distillation: a student of few layers copies hidden states, attention and logits.

Source: Jiao et al. 2020, arXiv:1909.10351, section 3.1 (uniform layer map, squared errors).
Departs from it: no general distillation; the student starts as the teacher's mapped layers, so it
keeps the teacher's width; both losses in one pass.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

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


def taps(model: Any, layers: list[int]) -> tuple[Tap, Tap]:
    """Hidden states (n, t, width) and attention weights (n, heads, t, t) of `layers`."""
    chosen = [model.layers[index] for index in layers]
    return Tap(chosen), Tap([layer.attention.self for layer in chosen])


def solve(problem: Compression, layers: int, attention: bool) -> nn.Module:
    """A student of `layers` layers."""
    teacher: Any = problem.reference()
    student: Any = problem.reference()
    count = len(teacher.layers)
    layers = min(layers, count)
    mapped = [(index + 1) * count // layers - 1 for index in range(layers)]
    student.layers = nn.ModuleList(student.layers[index] for index in mapped)
    wanted, weights_wanted = taps(teacher, mapped)
    found, weights_found = taps(student, list(range(layers)))

    def imitation(_: nn.Module) -> Tensor:
        loss = torch.zeros(())
        for number in range(layers):
            hidden = functional.mse_loss(found.kept[number], wanted.kept[number])
            loss = loss + HIDDEN_WEIGHT * hidden / layers
            if attention:
                mine, theirs = weights_found.kept[number][1], weights_wanted.kept[number][1]
                loss = loss + ATTENTION_WEIGHT * functional.mse_loss(mine, theirs) / layers
        return loss

    options: dict[str, Any] = {"teacher": teacher, "penalty": imitation, "temperature": 1.0}
    trained = problem.finetune(student, **options)
    for module in trained.modules():
        module._forward_hooks.clear()
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
