"""The meter of training compute: what a run may spend, in multiply-accumulates."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends.cudnn import flags as cudnn_flags
from torch.backends.mkldnn import flags as mkldnn_flags
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness.errors import OverBudgetError
from harness.types import Budget

FORWARD = 1.0
FORWARD_AND_BACKWARD = 3.0


class Meter:
    """Counts what is spent; `spend` raises OverBudgetError before the limit would be passed."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.train_macs = 0.0

    def remaining(self) -> float:
        """MACs left; infinite without a limit."""
        limit = self.budget.train_macs
        return float("inf") if limit is None else limit - self.train_macs

    def spend(self, macs: float) -> None:
        """Charge `macs`. Raises OverBudgetError when they exceed what is left."""
        if macs > self.remaining() * (1 + 1e-9):
            raise OverBudgetError(
                f"training compute {self.train_macs + macs:.3e} MACs is above the budget "
                f"{self.budget.train_macs:.3e}; train fewer steps or a smaller network"
            )
        self.train_macs += macs


def forward_macs(model: nn.Module, example: tuple[Tensor, ...]) -> float:
    """Dense multiply-accumulates of one example's forward pass, by torch's own counter."""
    was_training = model.training
    model.eval()
    macs = counted(lambda: model(*(tensor[:1] for tensor in example)))
    model.train(was_training)
    return macs


def counted(forward: Callable[[], Any]) -> float:
    """Multiply-accumulates of what `forward` computes.

    Fused attention and recurrent kernels would count as zero, so all take their plain path:
    gradients stay enabled, and neither oneDNN nor cuDNN computes.
    """
    counter = FlopCounterMode(display=False)
    plain_attention = sdpa_kernel(SDPBackend.MATH)
    onednn, cudnn = mkldnn_flags(False, allow_tf32=None), cudnn_flags(False)
    with torch.enable_grad(), plain_attention, onednn, cudnn, counter:
        forward()
    return counter.get_total_flops() / 2
