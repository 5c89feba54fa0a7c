"""Frozen references: trained once by the task's own recipe for it, shipped as fp16 safetensors."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file
from torch import nn

from harness import data
from harness.errors import DataError, SlimbenchError
from harness.record import sha256_of, write_atomically
from harness.run.batches import Batches
from harness.run.precision import autocast
from harness.run.scoring import quality
from harness.run.training import Optimizers, Options, fit
from harness.types import Recipe, Split, Task

WEIGHTS = "reference.safetensors"
CARD = "reference.json"
VALIDATIONS = 10  # of the reference while it trains, and its checkpoints; about so many


def untrained(task: Task, context: Mapping[str, np.ndarray], shape: Mapping[str, Any]) -> nn.Module:
    """The task's network of that shape, given what its training examples share."""
    given = {"context": context} if context else {}
    return task.build(**given, **shape)


def deployed(task: Task, model: nn.Module) -> nn.Module:
    """The model with what its deployed graph does behind it."""
    return task.deploy(model) if task.deploy else model


def load(
    task: Task, folder: Path, shape: dict[str, Any], context: Mapping[str, np.ndarray]
) -> nn.Module:
    """The trained reference in fp32, eval mode.

    Raises DataError on other than frozen weights, or weights of another data set's shapes.
    """
    card = json.loads((folder / CARD).read_text())
    path = folder / WEIGHTS
    if sha256_of(path) != card["sha256"]:
        raise DataError(
            f"{path}: sha256 is not the frozen {card['sha256'][:12]}...; restore it from git or "
            f"train it again with `slimbench reference {task.name} --rebuild`"
        )
    model = untrained(task, context, shape)
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    frozen = _frozen(model)
    if frozen and _sha256_of_tensors(frozen) != card["frozen_sha256"]:
        raise DataError(
            f"the pretrained weights found for {task.name} are not those its reference was trained "
            f"on ({card['frozen_sha256'][:12]}...); install them as its README says"
        )
    try:
        model.load_state_dict(frozen | state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"{path} does not fit the prepared data set '{task.dataset.name}' ({reason}); train a "
            f"reference on it with `slimbench reference {task.name} --rebuild`"
        ) from None
    return model.eval()


def trained(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state without the frozen parameters."""
    frozen = _frozen(model)
    return {name: tensor for name, tensor in model.state_dict().items() if name not in frozen}


def _frozen(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters that training leaves alone: pretrained ones, which a checkpoint ships without."""
    return {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad}


def _sha256_of_tensors(tensors: dict[str, torch.Tensor]) -> str:
    return sha256_of(save({name: tensor.contiguous() for name, tensor in tensors.items()}))


def quality_of(
    model: nn.Module, task: Task, split: Split, device: torch.device, size: int = 500
) -> float:
    """The task's metric of a torch model on a split, in batches of `size`, as deployed."""
    served = deployed(task, model.eval()).eval()
    predictions = []
    for start in range(0, len(split), size):
        inputs = [
            torch.from_numpy(np.array(array[start : start + size])).to(device)
            for array in split.inputs.values()
        ]
        with torch.inference_mode(), autocast(device):
            outputs = served(*inputs)
        plain = outputs.float() if outputs.is_floating_point() else outputs
        predictions.append(task.predict([plain.cpu().numpy()]))
    return quality(task, np.concatenate(predictions), np.asarray(split.targets))


def train(
    task: Task,
    data_folder: Path,
    folder: Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    epochs: float | None = None,
    shape: dict[str, Any] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train the reference into `folder`, resuming after the last validated epoch.

    Writes the fp16 weights and a card with seed, recipe, log and sha256; returns the card's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = torch.device(device)
    torch.manual_seed(seed)
    shape = shape or {}
    split = data.load_split(data_folder, "train")
    model = untrained(task, split.context, shape)
    recipe = task.reference_recipe or task.recipe
    batches = Batches(split, recipe, target, seed)
    validation = data.load_split(data_folder, "validation")
    steps = round((epochs or task.reference_epochs) * batches.per_epoch)
    checkpoint = folder / "checkpoint.safetensors"
    log: list[dict[str, float]] = []
    every = batches.per_epoch * max(1, round(steps / batches.per_epoch / VALIDATIONS))
    first, momenta = 0, None
    schedule = f"{steps} steps of {named(recipe)}"
    if checkpoint.is_file():
        first, momenta, log = _resume(checkpoint, model, schedule)
        say(f"resumed at step {first} of {steps}")
    begin = time.monotonic()

    def on_step(step: int, loss: torch.Tensor, optimizers: Optimizers) -> None:
        if (step + 1) % every == 0 or step + 1 == steps:
            found = quality_of(model, task, validation, target)
            model.train()
            row = {
                "epoch": (step + 1) / batches.per_epoch,
                "loss": loss.item(),
                "quality_validation": found,
                "seconds": (log[-1]["seconds"] if log else 0.0) + lap(),
            }
            log.append(row)
            tensors = {f"model.{k}": v.contiguous() for k, v in trained(model).items()}
            tensors |= {f"momentum.{k}": v for k, v in optimizers.momenta().items()}
            part = checkpoint.with_suffix(".part")
            progress = {"step": str(step + 1), "log": json.dumps(log), "schedule": schedule}
            save_file(tensors, part, progress)
            part.replace(checkpoint)
            say(" ".join(f"{k} {v:.4g}" for k, v in row.items()))

    last = [begin]

    def lap() -> float:
        now = time.monotonic()
        seconds, last[0] = now - last[0], now
        return seconds

    options = Options(learning_rate=recipe.reference_factor if _frozen(model) else 1.0)
    fit(
        model,
        batches,
        recipe,
        steps,
        options=options,
        on_step=on_step,
        first=first,
        momenta=momenta,
    )
    half = {name: tensor.half().contiguous().cpu() for name, tensor in trained(model).items()}
    save_file(half, folder / WEIGHTS)
    card = {
        "task": task.name,
        "task_version": task.version,
        "sha256": sha256_of(folder / WEIGHTS),
        "frozen_sha256": _sha256_of_tensors(_frozen(model)) if _frozen(model) else None,
        "data_sha256": data.data_sha256(data_folder),
        "seed": seed,
        "steps": steps,
        "shape": shape,
        "recipe": named(recipe),
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "log": log,
    }
    write_atomically(folder / CARD, json.dumps(card, indent=1).encode())
    checkpoint.unlink(missing_ok=True)
    return folder / CARD


def named(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON: functions by name, with the arguments that they were given."""
    return {key: _name(value) for key, value in vars(recipe).items()}


def _name(value: Any) -> Any:
    if isinstance(value, partial):
        given = ", ".join(f"{key}={one}" for key, one in sorted(value.keywords.items()))
        return f"{value.func.__name__}({given})"
    return getattr(value, "__name__", value)


def _resume(
    checkpoint: Path, model: nn.Module, schedule: str
) -> tuple[int, dict[str, torch.Tensor], list[dict[str, float]]]:
    """Raises SlimbenchError for the checkpoint of another schedule."""
    tensors = load_file(checkpoint)
    kept = {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}
    model.load_state_dict(_frozen(model) | kept)
    momenta = {k[9:]: v for k, v in tensors.items() if k.startswith("momentum.")}
    with safe_open(checkpoint, "pt") as file:
        metadata = file.metadata()
    if metadata.get("schedule", schedule) != schedule:
        raise SlimbenchError(
            f"{checkpoint} was made by another recipe ({metadata['schedule']}, now {schedule}); "
            "delete it to train from the start"
        )
    return int(metadata["step"]), momenta, json.loads(metadata["log"])
