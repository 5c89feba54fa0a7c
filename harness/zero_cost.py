"""Zero-cost proxies: scores of an untrained network from one batch, for searches to start from.

Each proxy is one number of an untrained network in train mode, where higher should mean better
after training. `PROXIES` names them, `score` computes and times them all.

Source: the protocol (default initialisation, one batch, statistics of that batch in normalisation)
is that of Abdelfattah et al. 2021, arXiv:2101.08134; each proxy names its own paper.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

ALPHA = 0.01  # Lin et al. 2021: size of the disturbance
EPSILON = 1e-5  # Mellor et al. 2021, first version: added to eigenvalues
PROXIES = ("naswot", "jacov", "grad_norm", "snip", "synflow", "zen")


def score(
    build: Callable[[], nn.Module], images: Tensor, labels: Tensor
) -> tuple[dict[str, float], dict[str, float]]:
    """Every proxy of the network that `build` makes, and the CPU seconds that each takes alone.

    `images` is float32 (n, 3, h, w), normalised; `labels` is int64 (n,). The network has a module
    `features`, all that comes before the global mean. One forward pass serves four proxies: each
    states its seconds in full, so these do not add up.
    """
    values: dict[str, float] = {}
    seconds: dict[str, float] = {}

    def timed(name: str, shared: float, work: Callable[[], float]) -> None:
        start = time.process_time()
        values[name] = work()
        seconds[name] = shared + time.process_time() - start

    begin = time.process_time()
    network = build().train()
    built = time.process_time() - begin
    asked = images.clone().requires_grad_()
    with agreement(network, len(images)) as kernel:
        logits = network(asked)
    forward = time.process_time() - begin
    timed("naswot", forward, lambda: naswot(kernel))
    timed("jacov", forward, lambda: jacov(logits, asked))
    start = time.process_time()
    functional.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
    both = forward + time.process_time() - start
    timed("grad_norm", both, lambda: grad_norm(network))
    timed("snip", both, lambda: snip(network))
    timed("synflow", built, lambda: synflow(network, tuple(images.shape[1:])))
    timed("zen", built, lambda: zen(network.get_submodule("features"), tuple(images.shape)))
    return values, seconds


@contextmanager
def agreement(network: nn.Module, count: int) -> Iterator[Tensor]:
    """Fills float64 (count, count) in a forward pass: on how many ReLUs two images agree."""
    kernel = torch.zeros(count, count, dtype=torch.float64)

    def agree(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        code = (inputs[0].detach().flatten(1) > 0).float()  # (n, units)
        kernel.add_(code @ code.T + (1 - code) @ (1 - code).T)

    hooks = [
        module.register_forward_hook(agree)
        for module in network.modules()
        if isinstance(module, nn.ReLU)
    ]
    yield kernel
    for hook in hooks:
        hook.remove()


def naswot(kernel: Tensor) -> float:
    """Log-determinant of the images' agreement; -inf when two are alike to every ReLU.

    Source: Mellor et al. 2021, arXiv:2006.04647v3, section 3.
    """
    return float(torch.linalg.slogdet(kernel).logabsdet)


def jacov(logits: Tensor, images: Tensor) -> float:
    """How little the gradients of the summed logits with respect to each image correlate.

    Gradients that are the same at every pixel count as alike.

    Source: Mellor et al. 2020, arXiv:2006.04647v1, section 3.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, retain_graph=True)
    correlation = torch.corrcoef(gradient.flatten(1).double()).nan_to_num(1.0)  # (n, n)
    eigenvalues = torch.linalg.eigvalsh(correlation)
    shifted = eigenvalues.clamp(min=0) + EPSILON
    return -float((shifted.log() + 1 / shifted).sum())


def grad_norm(network: nn.Module) -> float:
    """Sum over layers of the norms of their weights' gradients, after a backward pass of the loss.

    Source: Abdelfattah et al. 2021, arXiv:2101.08134, section 3.1.
    """
    return sum(float(gradient.norm()) for _, gradient in _weights(network))


def snip(network: nn.Module) -> float:
    """Sum of |weight x gradient|, what the loss would feel of cutting each; after a backward pass.

    Source: Lee et al. 2019, arXiv:1810.02340; summed as in arXiv:2101.08134.
    """
    return sum(float((weight * gradient).abs().sum()) for weight, gradient in _weights(network))


def synflow(network: nn.Module, shape: tuple[int, ...]) -> float:
    """Sum of |weight| x gradient of the network without signs, data and normalisation.

    Source: Tanaka et al. 2020, arXiv:2006.05467, section 6; normalisation is skipped as in
    arXiv:2101.08134. `shape` is an image's. Changes the network: weights become their absolute
    values in float64.
    """
    network.double()
    skipped = [
        module.register_forward_hook(lambda module, inputs, output: inputs[0])
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()
    network.zero_grad()
    network(torch.ones(1, *shape, dtype=torch.float64)).sum().backward()
    for hook in skipped:
        hook.remove()
    return sum(float((weight * gradient).sum()) for weight, gradient in _weights(network))


def zen(features: nn.Module, shape: tuple[int, ...]) -> float:
    """Log of how far Gaussian images move in feature space, freed of normalisation's scale.

    Source: Lin et al. 2021, arXiv:2102.01063, algorithm 1, once. Departs from it: the variances
    are those of the batch, not a running mean of them. `shape` is a batch's. Changes the network:
    weights are drawn anew.
    """
    features.float()
    norms = [module for module in features.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in features.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
            module.momentum = 1.0
    images = torch.randn(shape)
    with torch.no_grad():
        moved = features(images + ALPHA * torch.randn(shape))
        moved = (features(images) - moved).flatten(1).abs().sum(1).mean()
    scale = float(sum(norm.running_var.mean().sqrt().log() for norm in norms))  # type: ignore[union-attr, misc]
    return float(moved.log()) + scale


def _weights(network: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Weight and gradient of each convolution and linear layer that the output depends on."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.weight.grad is not None:
            yield module.weight.detach(), module.weight.grad
