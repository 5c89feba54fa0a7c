"""Linformer attention: keys and values projected from all tokens to a few.

Source: Wang et al. 2020, arXiv:2006.04768, section 4 (one projection for keys and values of a
layer). Departs from it: starts from the trained weights; padding is zeroed before projection.
"""

from typing import Any

import torch
from torch import Tensor, nn

from harness import Compression, Method


class LinformerAttention(nn.Module):
    """Takes the place of a BERT layer's `attention.self`."""

    def __init__(self, trained: Any, tokens: int, projected: int) -> None:
        super().__init__()
        self.query, self.key, self.value = trained.query, trained.key, trained.value
        self.size = trained.attention_head_size
        start = torch.eye(projected).repeat_interleave(-(-tokens // projected), 1)[:, :tokens]
        self.project = nn.Parameter(start / start.sum(1, keepdim=True))  # means of neighbours

    def forward(self, hidden: Tensor, attention_mask: Tensor, **_: Any) -> tuple[Tensor, None]:
        """(n, t, width) and the padding mask (n, 1, 1, t), 0 or -1e4, to (n, t, width)."""
        present = (attention_mask[:, 0, 0] > -1).to(hidden.dtype)[:, :, None]  # (n, t, 1)
        project = self.project[:, : hidden.shape[1]]
        heads = (*hidden.shape[:1], -1, hidden.shape[2] // self.size, self.size)
        query = self.query(hidden).view(heads).transpose(1, 2)  # (n, heads, t, size)
        key = (project @ (present * self.key(hidden))).view(heads).transpose(1, 2)
        value = (project @ (present * self.value(hidden))).view(heads).transpose(1, 2)
        weights = (query @ key.transpose(2, 3) / self.size**0.5).softmax(-1)
        return (weights @ value).transpose(1, 2).flatten(2), None


def solve(problem: Compression, projected: int) -> nn.Module:
    """The reference with attention over `projected` mixtures of the tokens."""
    model: Any = problem.reference()
    tokens = problem.example[0].shape[1]
    for layer in model.layers:
        layer.attention.self = LinformerAttention(layer.attention.self, tokens, projected)
    return problem.finetune(model, teacher=problem.reference(), temperature=2.0, keep_soft=True)


METHOD = Method(
    name="linformer",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"projected": 32}, {"projected": 16}, {"projected": 8}),
    source="arXiv:2006.04768",
    modalities=("text",),
)
