"""What searches with shared weights have in common: training the weights, decisions, paths.

Source of the training: Dong and Yang 2020, arXiv:2001.00326, section 4.2 and the authors' scripts
(xautodl, configs/nas-benchmark/algos): SGD at 0.025 falling to 0.001 by a cosine, Nesterov momentum
0.9, weight decay 5e-4, gradients clipped at 5, batches of 64. They train for 50 to 250 epochs; here
the budget decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.problems import Search
from harness.types import Architecture

BATCH = 64
PEAK, LEAST = 0.025, 0.001  # learning rates
MOMENTUM, DECAY, CLIP = 0.9, 5e-4, 5.0
EXAMPLES = 2000  # validation examples that score a path

Batch = tuple[Sequence[Tensor], Tensor]


class SharedWeights:
    """A supernet, the batches for its weights and for the decisions, and its optimizer; in fp32.

    `share` is the part of the budget that trains the weights.
    """

    def __init__(self, problem: Search, share: float = 1.0) -> None:
        self.problem, self.share = problem, share
        self.net = problem.supernet()
        self.training, self.held_out = problem.halves(BATCH)
        self.parameters = list(self.net.parameters())
        self.sgd = torch.optim.SGD(
            self.parameters, PEAK, MOMENTUM, weight_decay=DECAY, nesterov=True
        )

    def loss(self, mix: Tensor, batch: Batch, active: Tensor | None = None) -> Tensor:
        """Cross-entropy of a batch where the decisions are `mix`, float32 scalar."""
        inputs, targets = batch
        chosen = () if active is None else (active,)
        return functional.cross_entropy(self.net(mix, *inputs, *chosen), targets)

    def rate(self) -> float:
        """The learning rate now, which has fallen when `share` of the budget is spent."""
        share = min(1.0, self.problem.progress() / self.share)
        return LEAST + (PEAK - LEAST) * (1 + math.cos(math.pi * share)) / 2

    def step(self, mix: Tensor, batch: Batch) -> None:
        """One step of the weights, the decisions held."""
        self.sgd.zero_grad()
        self.loss(mix.detach(), batch).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, CLIP, error_if_nonfinite=True)
        self.sgd.param_groups[0]["lr"] = self.rate()
        self.sgd.step()

    def estimate(self, architecture: Architecture) -> float:
        """Validation quality of one path with the shared weights."""
        return self.problem.estimate(architecture, self.path(architecture), EXAMPLES)

    def path(self, architecture: Architecture) -> nn.Module:
        """One architecture with the shared weights, as a network of its own."""
        return Path(self.net, one_hot(self.problem, architecture))


class Path(nn.Module):
    """A supernet whose decisions are made."""

    def __init__(self, net: nn.Module, mix: Tensor) -> None:
        super().__init__()
        self.net = net
        self.mix = mix

    def forward(self, *inputs: Tensor) -> Tensor:
        """Logits (n, classes); what is called here is charged where it is asked for."""
        logits: Tensor = self.net.forward(self.mix, *inputs)
        return logits


def slope(loss: Tensor, of: Tensor) -> Tensor:
    """The gradient; zeros where a drawn path carries nothing and so depends on no decision."""
    (found,) = torch.autograd.grad(loss, [of], allow_unused=True)
    return torch.zeros_like(of) if found is None else found


def first_logits(problem: Search) -> Tensor:
    """Decisions that prefer nothing yet: float (decisions, choices) near 0, leaf with gradient."""
    seed = torch.Generator().manual_seed(problem.random.getrandbits(32))
    shape = len(problem.space.choices), len(problem.space.choices[0])
    return (1e-3 * torch.randn(shape, generator=seed)).requires_grad_()


def one_hot(problem: Search, architecture: Architecture) -> Tensor:
    """An architecture as float (decisions, choices) of ones and zeros."""
    choices = len(problem.space.choices[0])
    return functional.one_hot(torch.tensor(architecture), choices).float()


def derived(logits: Tensor) -> Architecture:
    """The likeliest choice of every decision."""
    return tuple(logits.argmax(dim=1).tolist())


def choice_costs(problem: Search, device: str | None = None) -> tuple[float, Tensor]:
    """What the network of cheapest choices costs, and what each choice adds: (decisions, choices).

    Choice 0 adds nothing. A choice is priced in the network whose other choices have most MACs,
    since alone it may compute what nothing reads, which costs no time.
    """
    macs = _priced(problem, (0,) * len(problem.space.choices), "macs")
    largest = tuple(macs.argmax(dim=1).tolist())
    added = _priced(problem, largest, device)
    added -= added[:, :1].clone()
    rows = range(len(largest))
    return problem.cost(largest, device) - float(added[rows, largest].sum()), added


def _priced(problem: Search, around: Architecture, device: str | None) -> Tensor:
    """The cost of every choice amid the others of `around`, (decisions, choices)."""
    return torch.tensor(
        [
            [problem.cost((*around[:place], choice, *around[place + 1 :]), device)
             for choice in range(len(names))]
            for place, names in enumerate(problem.space.choices)
        ]
    )  # fmt: skip
