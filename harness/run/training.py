"""The one training loop: every network of every task is trained by it, references included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.run.batches import Batches
from harness.run.meter import FORWARD, FORWARD_AND_BACKWARD, Meter, counted, forward_macs
from harness.run.precision import autocast, strided_depthwise_in_fp32
from harness.types import Recipe

Penalty = Callable[[nn.Module], Tensor]


@dataclass
class Options:
    """What a method may add to the recipe.

    `teacher` is distilled from (Hinton et al. 2015, arXiv:1503.02531): the loss becomes
    (1 - weight) cross-entropy + weight T^2 KL at temperature T, or weight times
    `imitation(outputs, teacher's outputs)` if given. `keep_soft` asks the teacher once for each
    example, before augmentation, and keeps its answer (fixed teaching: Beyer et al. 2021,
    arXiv:2106.05237, section 3.1, where asking about each view is better, but dearer); where the
    recipe makes its own rows, the teacher is asked at each step all the same.
    `penalty(model)` is added to the loss; `before_step(model)` may change gradients;
    `after_step(model, progress)` runs after each step, progress in (0, 1].
    """

    learning_rate: float = 1.0
    teacher: nn.Module | None = None
    teacher_weight: float = 0.9
    temperature: float = 4.0
    keep_soft: bool = False
    imitation: Callable[[Tensor, Tensor], Tensor] | None = None
    penalty: Penalty | None = None
    before_step: Callable[[nn.Module], None] | None = None
    after_step: Callable[[nn.Module, float], None] | None = None


def schedule(step: int, steps: int, warmup: float) -> float:
    """Factor of the peak learning rate: linear up over `warmup` of the steps, linear down to 0."""
    peak = max(1, round(warmup * steps))
    return min((step + 1) / peak, (steps - step) / max(1, steps - peak + 1))


class Optimizers:
    """The recipe's optimizer: Muon on kernels and hidden matrices, SGD on the rest; or AdamW.

    Source: Muon, Jordan et al. 2024, https://kellerjordan.github.io/posts/muon, by torch.optim.
    A kernel is handed to it as the 2-d view (out, h * w * in) of its channels-last storage.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, learning_rate: float) -> None:
        self.views: list[tuple[nn.Parameter, nn.Parameter]] = []
        parameters = [p for p in model.parameters() if p.requires_grad]
        if recipe.optimizer == "adamw":
            self.optimizers: list[torch.optim.Optimizer] = [
                torch.optim.AdamW(
                    parameters,
                    lr=learning_rate * recipe.learning_rate,
                    weight_decay=recipe.weight_decay,
                    fused=True,
                )
            ]
        else:
            self.optimizers = self._muon(parameters, recipe, learning_rate)
        self.peaks = [[g["lr"] for g in o.param_groups] for o in self.optimizers]

    def _muon(
        self, parameters: list[nn.Parameter], recipe: Recipe, learning_rate: float
    ) -> list[torch.optim.Optimizer]:
        matrices = [p for p in parameters if p.ndim == 2][:-1]  # the last one is the classifier
        kernels = [p for p in parameters if p.ndim == 4 and p.shape[1] > 1] + matrices
        for kernel in kernels:
            if kernel.ndim == 2:
                self.views.append((kernel, nn.Parameter(kernel.detach())))
                continue
            kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
            self.views.append(
                (kernel, nn.Parameter(kernel.detach().permute(0, 2, 3, 1).flatten(1)))
            )
        chosen = {id(kernel) for kernel in kernels}
        rest = [p for p in parameters if id(p) not in chosen]
        sgd = torch.optim.SGD(
            rest, lr=learning_rate * recipe.vector_learning_rate, momentum=0.9, nesterov=True
        )
        if not kernels:
            return [sgd]
        muon = torch.optim.Muon(
            [view for _, view in self.views],
            lr=learning_rate * recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            momentum=0.9,
        )
        return [muon, sgd]

    def step(self, factor: float) -> None:
        """One step at `factor` of the peak learning rates; gradients are cleared."""
        for kernel, view in self.views:
            if kernel.grad is not None:
                grad = kernel.grad
                view.grad = grad if grad.ndim == 2 else grad.permute(0, 2, 3, 1).flatten(1)
                kernel.grad = None
        for optimizer, peaks in zip(self.optimizers, self.peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = factor * peak
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def momenta(self) -> dict[str, Tensor]:
        """The optimizers' state tensors by optimizer, parameter and name, for a checkpoint."""
        return {
            f"{o}.{p}.{name}": value.contiguous()
            for o, optimizer in enumerate(self.optimizers)
            for p, parameter in enumerate(optimizer.param_groups[0]["params"])
            for name, value in optimizer.state[parameter].items()
            if torch.is_tensor(value)
        }

    def load(self, momenta: dict[str, Tensor]) -> None:
        """Take up the state tensors of a checkpoint."""
        for key, value in momenta.items():
            optimizer, position, name = key.split(".")
            parameter = self.optimizers[int(optimizer)].param_groups[0]["params"][int(position)]
            kept = value if name == "step" else value.to(parameter.device)
            self.optimizers[int(optimizer)].state[parameter][name] = kept


def outputs_of(
    model: nn.Module, inputs: list[Tensor], targets: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Logits (m, classes) and targets (m,) of one batch: a row an input, or as the recipe says."""
    if recipe.examples is not None:
        return recipe.examples(model, inputs, targets)
    return model(*inputs), targets


def loss_of(
    model: nn.Module,
    inputs: list[Tensor],
    targets: Tensor,
    recipe: Recipe,
    options: Options,
    soft: Tensor | None = None,
) -> Tensor:
    """The training loss of one batch, float32 scalar; `soft` are the teacher's outputs."""
    outputs, wanted = outputs_of(model, inputs, targets, recipe)
    loss = functional.cross_entropy(outputs, wanted, label_smoothing=recipe.label_smoothing)
    if soft is not None:
        weight = options.teacher_weight
        loss = (1 - weight) * loss + weight * _imitation(outputs, soft, options)
    if options.penalty is not None:
        loss = loss + options.penalty(model)
    return loss


def _keeps(options: Options, recipe: Recipe) -> bool:
    return options.keep_soft and recipe.examples is None


def _imitation(outputs: Tensor, soft: Tensor, options: Options) -> Tensor:
    if options.imitation is not None:
        return options.imitation(outputs, soft)
    divergence = functional.kl_div(
        functional.log_softmax(outputs.float() / options.temperature, dim=1),
        functional.log_softmax(soft / options.temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return options.temperature**2 * divergence


def batch_macs(model: nn.Module, batches: Batches, recipe: Recipe) -> float:
    """Multiply-accumulates of one training batch forward.

    One example's times the batch size, or counted on the first batch where the recipe makes its
    own rows: what a batch shares, such as a graph's embeddings, is then counted once.
    """
    if recipe.examples is None:
        example = tuple(tensor[:1].to(batches.device) for tensor in batches.inputs)
        return forward_macs(model, example) * batches.size
    inputs, targets = batches[0]
    was_training = model.training
    model.eval()
    macs = counted(lambda: outputs_of(model, inputs, targets, recipe))
    model.train(was_training)
    return macs


def affordable_steps(
    model: nn.Module,
    batches: Batches,
    recipe: Recipe,
    options: Options,
    budget: tuple[Meter, float],
    passes: float = float("inf"),
) -> tuple[int, float]:
    """(steps, MACs a step) that a share of the meter's remaining budget pays for.

    At most `passes` over the data.
    """
    meter, share = budget
    afford = share * meter.remaining()
    most = min(passes * batches.per_epoch + 0.5, 1e12)
    per_step = FORWARD_AND_BACKWARD * batch_macs(model, batches, recipe)
    if options.teacher is not None:
        asking = FORWARD * batch_macs(options.teacher.to(batches.device), batches, recipe)
        whole = asking * batches.per_epoch
        if _keeps(options, recipe) and afford >= whole + per_step * batches.per_epoch:
            steps = max(1, int(min(most, (afford - whole) / per_step)))
            return steps, per_step + whole / steps
        per_step += asking
    return max(1, int(min(most, afford / per_step))), per_step


def _place(model: nn.Module, device: torch.device) -> nn.Module:
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def fit(
    model: nn.Module,
    batches: Batches,
    recipe: Recipe,
    steps: int,
    *,
    options: Options | None = None,
    charge: Callable[[], None] = lambda: None,
    on_step: Callable[[int, Tensor, Optimizers], None] | None = None,
    first: int = 0,
    momenta: dict[str, Tensor] | None = None,
) -> nn.Module:
    """Train in place for `steps` and return the model in eval mode.

    `charge()` is called before each step; `on_step(step, loss, optimizers)` after it. A
    checkpoint's `momenta` go on at step `first`.
    Raises FloatingPointError when the loss is not finite.
    """
    options = options or Options()
    device = batches.device
    _place(model, device).train()
    if options.teacher is not None:
        _place(options.teacher, device).eval()
    optimizers = Optimizers(model, recipe, options.learning_rate)
    if momenta:
        optimizers.load(momenta)
    for step in range(first, steps):
        charge()
        plain, targets = batches[step]
        inputs = plain
        if recipe.augment is not None:
            inputs = recipe.augment(plain, batches.generator(step))
        with autocast(device), strided_depthwise_in_fp32(model, device):
            soft = None
            if options.teacher is not None and _keeps(options, recipe):
                soft = batches.soft(options.teacher, plain)
            elif options.teacher is not None:
                with torch.no_grad():
                    soft = outputs_of(options.teacher, inputs, targets, recipe)[0].float()
            loss = loss_of(model, inputs, targets, recipe, options, soft)
        loss.backward()  # type: ignore[no-untyped-call]
        if options.before_step is not None:
            options.before_step(model)
        optimizers.step(schedule(step, steps, recipe.warmup))
        if options.after_step is not None:
            options.after_step(model, (step + 1) / steps)
        if step % 20 == 0 or step + 1 == steps:
            value = loss.item()
            if not np.isfinite(value):
                raise FloatingPointError(
                    f"the training loss is {value} at step {step} of {steps}; "
                    "lower the learning rate"
                )
        if on_step is not None:
            on_step(step, loss.detach(), optimizers)
    return model.eval()
