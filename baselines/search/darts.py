"""DARTS: all choices run, weighted by a softmax that is learned beside the weights.

Source: Liu et al. 2018, arXiv:1806.09055, sections 2.3 and 2.4 (first and second order), on
NAS-Bench-201's space as in arXiv:2001.00326: half of the training images move the weights, the
other half the decisions. Departs from it: a decision rate of 0.003 too, as the budget allows for
fewer steps than the papers' 50 epochs.
"""

import torch
from torch import Tensor

from harness import Architecture, Method, Search
from harness.shared_weights import (
    DECAY,
    MOMENTUM,
    Batch,
    SharedWeights,
    derived,
    first_logits,
    slope,
)

NUDGE = 0.01  # of the finite difference, section 2.3


def solve(problem: Search, order: str, decision_rate: float) -> Architecture:
    """The likeliest choices when the budget is spent."""
    shared, logits = SharedWeights(problem), first_logits(problem)
    adam = torch.optim.Adam([logits], decision_rate, betas=(0.5, 0.999), weight_decay=1e-3)
    while not problem.exhausted():
        batch, held_out = next(shared.training), next(shared.held_out)
        if order == "first":
            logits.grad = slope(shared.loss(logits.softmax(dim=1), held_out), logits)
        else:
            logits.grad = _second_order(shared, logits, batch, held_out)
        adam.step()
        shared.step(logits.softmax(dim=1), batch)
        problem.derive(derived(logits))
    shared.estimate(derived(logits))
    return derived(logits)


def _second_order(shared: SharedWeights, logits: Tensor, batch: Batch, held_out: Batch) -> Tensor:
    """Equations 7 and 8: the decisions' gradient one step of the weights ahead."""
    weights, rate = shared.parameters, shared.rate()
    before = [one.detach().clone() for one in weights]
    downhill = torch.autograd.grad(shared.loss(logits.softmax(dim=1), batch), weights)
    with torch.no_grad():
        for weight, one in zip(weights, downhill, strict=True):
            moved = shared.sgd.state[weight].get("momentum_buffer")
            whole = one + DECAY * weight + (0 if moved is None else MOMENTUM * moved)
            weight.sub_(rate * whole)
    loss = shared.loss(logits.softmax(dim=1), held_out)
    ahead, *uphill = torch.autograd.grad(loss, [logits, *weights])
    size = NUDGE / float(torch.stack([one.norm() for one in uphill]).norm())
    sides: list[Tensor] = []
    for sign in (1, -1):
        with torch.no_grad():
            for weight, old, one in zip(weights, before, uphill, strict=True):
                weight.copy_(old + sign * size * one)
        sides.append(slope(shared.loss(logits.softmax(dim=1), batch), logits))
    with torch.no_grad():
        for weight, old in zip(weights, before, strict=True):
            weight.copy_(old)
    gradient: Tensor = ahead - rate * (sides[0] - sides[1]) / (2 * size)
    return gradient


METHOD = Method(
    name="darts",
    version=1,
    solves=Search,
    solve=solve,
    settings=(
        {"limit": 1.0, "order": "first", "decision_rate": 3e-4},
        {"limit": 1.0, "order": "first", "decision_rate": 3e-3},
        {"limit": 1.0, "order": "second", "decision_rate": 3e-4},
    ),
    source="arXiv:1806.09055",
    modalities=("trained", "supernet"),
)
