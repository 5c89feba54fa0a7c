"""Movement pruning: weights that move towards zero in fine-tuning are masked out.

Source: Sanh et al. 2020, arXiv:2005.07683, section 4 (scores learned through a straight-through
top-k mask, cubic schedule). Departs from it: one learning rate for scores and weights; scores start
from the weights' magnitudes; in training the threshold is that of every 15th score. Version 1
started the scores at 0, as the paper does for many more steps: in 1,600 steps from a converged
model what moves is noise, and with a third of the weights gone the validation was at chance.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from harness import Compression, Method
from harness.sparsity import prunable

SAMPLED = 15  # one score in so many finds the threshold, but at the end
SPREAD = 0.005  # mean score at the start: 50 steps at 1e-4, the rate of fine-tuning on SST-2


class Masked(torch.autograd.Function):
    """weight * mask, whose gradient by the scores is gradient * weight."""

    @staticmethod
    def forward(context: Any, weight: Tensor, scores: Tensor, threshold: Tensor) -> Tensor:
        """The weight where the scores reach the threshold, else 0."""
        mask = scores >= threshold
        context.save_for_backward(weight, mask)
        return weight * mask

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients by weight and scores."""
        weight, mask = context.saved_tensors
        return gradients[0] * mask, gradients[0] * weight, None


class Movement(nn.Module):
    """A parametrization of one weight with a score for each of its elements."""

    threshold: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.scores = nn.Parameter(SPREAD * weight.abs() / weight.abs().mean())
        self.register_buffer("threshold", torch.tensor(-1e30))

    def forward(self, weight: Tensor) -> Tensor:
        """The masked weight."""
        masked: Tensor = Masked.apply(weight, self.scores, self.threshold)  # type: ignore[no-untyped-call]
        return masked

    def drop(self, share: float, sampled: int) -> None:
        """Set the threshold so that `share` of one in `sampled` scores lie below it."""
        scores = self.scores.detach().flatten()[::sampled]
        first_kept = min(round(share * scores.numel()) + 1, scores.numel())
        self.threshold.copy_(scores.kthvalue(first_kept).values)


def solve(problem: Compression, sparsity: float) -> nn.Module:
    """The reference with `sparsity` of the weights of its linear layers zero."""
    model = problem.reference()
    layers: list[Any] = [model.get_submodule(name) for name in prunable(model, problem.keep)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", Movement(layer.weight.detach()))

    def after_step(_: nn.Module, progress: float) -> None:
        ramp = min(1.0, max(0.0, progress - 0.1) / 0.6)
        for layer in layers:
            share = sparsity * (1 - (1 - ramp) ** 3)
            layer.parametrizations.weight[0].drop(share, 1 if progress == 1 else SAMPLED)

    model = problem.finetune(model, after_step=after_step)
    for layer in layers:
        parametrize.remove_parametrizations(layer, "weight")
    return model


METHOD = Method(
    name="movement_pruning",
    version=2,
    solves=Compression,
    solve=solve,
    settings=({"sparsity": 0.5}, {"sparsity": 0.8}, {"sparsity": 0.9}),
    source="arXiv:2005.07683",
    modalities=("text",),
)
