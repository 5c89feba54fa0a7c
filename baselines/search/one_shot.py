"""One-shot search: one training of shared weights, then candidates are scored without training.

Source: Guo et al. 2019, arXiv:1904.00420 (single path, uniform sampling, batch statistics computed
again for each candidate); weights are shared as leading slices of the largest network's, Cai et al.
2019, arXiv:1908.09791, section 3.2. Departs from both: candidates come from the front of those
scored before, one changed decision at a time, until the budget is spent. Version 1 was charged for
the last choice of every decision, whatever path a step took.
"""

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from harness import Architecture, Method, Search

CALIBRATION = 4  # batches for a candidate's batch statistics
EXAMPLES = 2000  # validation examples that score a candidate
NEW = 0.25  # share of candidates that are drawn afresh
DRAWN = 64  # networks whose mean multiply-accumulates are what a step is charged


class Supernet(nn.Module):
    """The weights of a whole space: a network's tensors are leading slices of the shared ones."""

    def __init__(self, problem: Search) -> None:
        super().__init__()
        self.problem = problem
        self.charged = of_mean_macs(problem)
        largest = tuple(len(names) - 1 for names in problem.space.choices)
        smallest = (0,) * len(largest)
        near = [*problem.space.neighbors(smallest), *problem.space.neighbors(largest)]
        nets = (problem.network(one) for one in (smallest, *near, largest))
        self.shared = nn.ParameterDict(united(nets))

    def forward(self, *inputs: Tensor) -> Tensor:
        """In training through a random network, else through the charged one: (n, classes)."""
        path = self.problem.sample() if self.training else self.charged
        net = self.problem.network(path).to(next(self.parameters()).device).train(self.training)
        weights = {name: self._slice(name, each) for name, each in net.named_parameters()}
        outputs: Tensor = functional_call(net, weights, inputs)
        return outputs

    def candidate(self, architecture: Architecture) -> nn.Module:
        """A network of its own with its slices, and batch statistics of training batches."""
        net = self.problem.network(architecture).to(next(self.parameters()).device)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.copy_(self._slice(name, parameter))
            norms = [each for each in net.modules() if hasattr(each, "running_mean")]
            for norm in norms:
                norm.reset_running_stats()  # type: ignore[operator]
                norm.momentum = None  # type: ignore[assignment]
            if norms:
                net.train()
                for batch, _ in self.problem.training.batches(net, CALIBRATION):
                    net(*batch)
        return net.eval()

    def _slice(self, name: str, like: Tensor) -> Tensor:
        shared: Any = self.shared[_key(name, like)]
        part: Tensor = shared[leading(like)]
        return part


def united(nets: Iterable[nn.Module]) -> dict[str, nn.Parameter]:
    """Tensors whose leading slices are those of every network; where they differ the last one's."""
    found: dict[str, nn.Parameter] = {}
    for net in nets:
        for name, parameter in net.named_parameters():
            own = parameter.detach()
            known = found.get(_key(name, own), own)
            pairs = zip(known.shape, own.shape, strict=True)
            whole = own.new_zeros([max(pair) for pair in pairs])
            for part in (known.detach(), own):
                whole[leading(part)] = part
            found[_key(name, own)] = nn.Parameter(whole, parameter.requires_grad)
    return found


def leading(part: Tensor) -> tuple[slice, ...]:
    """Where a tensor lies in a larger one."""
    return tuple(slice(0, size) for size in part.shape)


def of_mean_macs(problem: Search) -> Architecture:
    """Of `DRAWN` random networks the one nearest to their mean of multiply-accumulates."""
    drawn = np.array([problem.sample() for _ in range(DRAWN)])
    macs = problem.costs(drawn, "macs")
    return tuple(drawn[np.abs(macs - macs.mean()).argmin()].tolist())


def _key(name: str, parameter: Tensor) -> str:
    """Kernels of different windows are different weights."""
    window = "x".join(str(size) for size in parameter.shape[2:])
    return f"{name.replace('.', '/')}:{window}"


def solve(problem: Search, share: float) -> list[Architecture]:
    """The front of quality with shared weights and cost; `share` of the budget trains them."""
    supernet = problem.train(Supernet(problem), share)
    assert isinstance(supernet, Supernet)
    known: set[Hashable] = set()
    for _ in range(10_000):
        if problem.exhausted():
            break
        one = problem.sample()
        if known and problem.random.random() > NEW:
            parent = problem.random.choice(problem.front())
            one = problem.random.choice(problem.space.neighbors(parent))
        if (kind := problem.space.canonical(one)) not in known:
            known.add(kind)
            problem.estimate(one, supernet.candidate(one), EXAMPLES)
    return problem.front()


METHOD = Method(
    name="one_shot",
    version=2,
    solves=Search,
    solve=solve,
    settings=({"share": 0.7},),
    source="arXiv:1904.00420",
    modalities=("trade_off", "trained", "vector", "image", "fusion", "text"),
)
