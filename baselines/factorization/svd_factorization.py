"""Low-rank factorization: each linear layer becomes two thin ones, then fine-tuning.

Source: data-aware truncation by whitening the layer's inputs, Wang et al. 2024, arXiv:2403.07378
(SVD-LLM), section 3.1; plain truncated SVD is the control.
"""

import torch
from torch import Tensor, nn

from harness import Compression, Method

EXAMPLES = 256


def input_moments(problem: Compression, model: nn.Module, names: list[str]) -> dict[str, Tensor]:
    """Second moment float64 (inputs, inputs) of each named linear layer's inputs, less padding."""
    moments: dict[str, Tensor] = {}
    hooks = []
    arrays = problem.calibration(EXAMPLES)
    mask = torch.from_numpy(arrays[problem.mask]) > 0 if problem.mask else None
    for name in names:

        def add(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
            features = inputs[0].detach().double()
            if mask is not None and features.shape[:-1] == mask.shape:
                features = features[mask.to(features.device)]
            rows = features.flatten(0, -2)
            moments[name] = moments.get(name, 0) + rows.T @ rows / len(rows)

        hooks.append(model.get_submodule(name).register_forward_pre_hook(add))
    device = next(model.parameters()).device
    with torch.inference_mode():
        model(*(torch.from_numpy(array).to(device) for array in arrays.values()))
    for hook in hooks:
        hook.remove()
    return moments


def factorized(linear: nn.Linear, rank: int, moment: Tensor | None) -> nn.Sequential:
    """Two linear layers through `rank` features that approximate `linear` on its inputs."""
    weight = linear.weight.detach().double()
    if moment is None:
        moment = torch.eye(linear.in_features, dtype=torch.float64, device=weight.device)
    ridge = 1e-6 * moment.diagonal().mean() * torch.eye(len(moment), dtype=torch.float64)
    root = torch.linalg.cholesky(moment + ridge.to(weight.device))  # lower: inputs' std
    left, values, right = torch.linalg.svd(weight @ root, full_matrices=False)
    half = values[:rank].sqrt()
    thin = nn.Linear(linear.in_features, rank, bias=False)
    wide = nn.Linear(rank, linear.out_features)
    back = torch.linalg.solve_triangular(
        root, half[:, None] * right[:rank], upper=False, left=False
    )
    thin.weight.data = back.float()
    wide.weight.data = (left[:, :rank] * half).float()
    wide.bias.data = linear.bias.detach().clone()
    return nn.Sequential(thin, wide)


def solve(problem: Compression, share: float, data_aware: bool) -> nn.Module:
    """The reference with `share` of the weights of each linear layer."""
    model = problem.reference()
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name not in problem.keep
    ]
    moments = input_moments(problem, model, names) if data_aware else {}
    for name in names:
        linear = model.get_submodule(name)
        assert isinstance(linear, nn.Linear)
        inputs, outputs = linear.in_features, linear.out_features
        rank = max(1, int(share * inputs * outputs / (inputs + outputs)))
        model.set_submodule(name, factorized(linear, rank, moments.get(name)))
    return problem.finetune(model)


METHOD = Method(
    name="svd_factorization",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"share": 0.5, "data_aware": True},
        {"share": 0.5, "data_aware": False},
        {"share": 0.25, "data_aware": True},
        {"share": 0.125, "data_aware": True},
    ),
    source="arXiv:2403.07378",
    modalities=("clicks", "text", "vector"),
)
