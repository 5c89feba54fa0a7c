"""GDAS: one path is drawn by Gumbel-softmax for each batch, differentiable through its sample.

Source: Dong and Yang 2019, arXiv:1910.04465, equations 3 to 6; temperature 10 to 0.1 as there. As
in DARTS, half of the training images move the weights, the other half the decisions.
"""

import torch
from torch.nn import functional

from harness import Architecture, Method, Search
from harness.shared_weights import SharedWeights, derived, first_logits, slope

WARM, COLD = 10.0, 0.1  # temperatures


def solve(problem: Search, decision_rate: float) -> Architecture:
    """The likeliest choices when the budget is spent."""
    shared, logits = SharedWeights(problem), first_logits(problem)
    adam = torch.optim.Adam([logits], decision_rate, betas=(0.5, 0.999), weight_decay=1e-3)
    while not problem.exhausted():
        batch, held_out = next(shared.training), next(shared.held_out)
        temperature = WARM + (COLD - WARM) * problem.progress()
        for_weights, mix = (
            functional.gumbel_softmax(logits, temperature, hard=True) for _ in range(2)
        )
        shared.step(for_weights, batch)
        logits.grad = slope(shared.loss(mix, held_out), logits)
        adam.step()
        problem.derive(derived(logits))
    shared.estimate(derived(logits))
    return derived(logits)


METHOD = Method(
    name="gdas",
    version=1,
    solves=Search,
    solve=solve,
    settings=(
        {"limit": 1.0, "decision_rate": 3e-4},
        {"limit": 1.0, "decision_rate": 3e-3},
    ),
    source="arXiv:1910.04465",
    modalities=("trained", "supernet"),
)
