"""ProxylessNAS: binary paths learned by gradient, with the expected cost in the loss.

Source: Cai et al. 2018, arXiv:1812.00332, sections 3.2 and 3.3.1 (two paths are drawn for each
decision, their gates get the gradient, the rest keep their chances; cost is the sum of what each
choice adds times its chance among the two). Adam at 0.006 without a first moment. Departs from the
authors' code: no epochs of the weights alone first, and a step of the decisions after each step of
the weights, as the budget is short.
"""

import torch
from torch import Tensor

from harness import Architecture, Method, Search
from harness.shared_weights import SharedWeights, choice_costs, derived, first_logits, slope

RATE = 0.006


def solve(problem: Search, cost_weight: float) -> Architecture:
    """The likeliest choices when the budget is spent; the largest cost counts `cost_weight`."""
    shared, logits = SharedWeights(problem), first_logits(problem)
    base, added = choice_costs(problem)
    added = cost_weight * added / (base + added.amax(dim=1).sum())
    adam = torch.optim.Adam([logits], RATE, betas=(0.0, 0.999))
    seed = torch.Generator().manual_seed(problem.random.getrandbits(32))
    while not problem.exhausted():
        batch, held_out = next(shared.training), next(shared.held_out)
        path = _drawn(logits.detach().softmax(dim=1), 1, seed)
        shared.step(path.float(), batch)
        two = _drawn(logits.detach().softmax(dim=1), 2, seed)
        gates = _one_of(two, logits.detach(), seed)
        better = slope(shared.loss(gates, held_out, two), gates) + added
        logits.grad = _through_gates(better, two, logits.detach())
        _step_of_two(adam, logits, two)
        problem.derive(derived(logits))
    shared.estimate(derived(logits))
    return derived(logits)


def _drawn(chances: Tensor, count: int, seed: torch.Generator) -> Tensor:
    """`count` different choices of every decision by their chances, bool (decisions, choices)."""
    drawn = torch.multinomial(chances, count, generator=seed)
    return torch.zeros_like(chances, dtype=torch.bool).scatter_(1, drawn, value=True)


def _one_of(two: Tensor, logits: Tensor, seed: torch.Generator) -> Tensor:
    """Gates, 1 for one of the two choices by their chances; a leaf with gradient."""
    chances = logits.masked_fill(~two, float("-inf")).softmax(dim=1)
    return _drawn(chances, 1, seed).float().requires_grad_()


def _through_gates(of_gates: Tensor, two: Tensor, logits: Tensor) -> Tensor:
    """Equation 4 over the two choices: what their gates' gradients mean for the logits."""
    chances = logits.masked_fill(~two, float("-inf")).softmax(dim=1)
    inner = (chances * of_gates).sum(dim=1, keepdim=True)
    return chances * (of_gates - inner)


def _step_of_two(adam: torch.optim.Optimizer, logits: Tensor, two: Tensor) -> None:
    """A step of the two drawn logits that leaves the chances of the others as they were."""
    before = logits.detach().clone()
    adam.step()
    with torch.no_grad():
        hidden = ~two
        sums = [one.masked_fill(hidden, float("-inf")).logsumexp(1) for one in (before, logits)]
        shifted = logits + (sums[0] - sums[1])[:, None]
        logits.copy_(torch.where(two, shifted, before))


METHOD = Method(
    name="proxyless",
    version=1,
    solves=Search,
    solve=solve,
    settings=(
        {"limit": 1.0, "cost_weight": 0.0},
        {"limit": 1.0, "cost_weight": 0.3},
        {"limit": 1.0, "cost_weight": 1.0},
    ),
    source="arXiv:1812.00332",
    modalities=("trained", "supernet"),
)
