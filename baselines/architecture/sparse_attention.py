"""Block-sparse attention: each block of tokens sees its neighbours and the first block.

Source: Zaheer et al. 2020, arXiv:2007.14062 (BigBird), section 2 (window and global blocks).
Departs from it: no random blocks, and the global block itself sees its window only.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Compression, Method


class BlockAttention(nn.Module):
    """Takes the place of a BERT layer's `attention.self`; `block` tokens to a block."""

    def __init__(self, trained: Any, block: int) -> None:
        super().__init__()
        self.query, self.key, self.value = trained.query, trained.key, trained.value
        self.size, self.block = trained.attention_head_size, block

    def forward(self, hidden: Tensor, attention_mask: Tensor, **_: Any) -> tuple[Tensor, None]:
        """(n, t, width) and the padding mask (n, 1, 1, t), 0 or -1e4, to (n, t, width)."""
        count, tokens, width = hidden.shape
        missing = -tokens % self.block
        if missing:
            hidden = functional.pad(hidden, (0, 0, 0, missing))
            attention_mask = functional.pad(attention_mask, (0, missing), value=-1e4)
        query = self._blocks(self.query(hidden), width)  # (n, heads, blocks, block, size)
        key = self._seen(self._blocks(self.key(hidden), width))  # (n, heads, blocks, seen, size)
        value = self._seen(self._blocks(self.value(hidden), width))
        blocked = attention_mask.view(count, 1, -1, self.block, 1)
        mask = self._seen(blocked, -1e4).transpose(3, 4)  # (n, 1, blocks, 1, seen)
        weights = (query @ key.transpose(3, 4) / self.size**0.5 + mask).softmax(-1)
        mixed = (weights @ value).flatten(2, 3).transpose(1, 2).flatten(2)
        return mixed[:, :tokens], None

    def _blocks(self, vectors: Tensor, width: int) -> Tensor:
        shape = (vectors.shape[0], -1, self.block, width // self.size, self.size)
        return vectors.view(shape).permute(0, 3, 1, 2, 4)

    def _seen(self, blocks: Tensor, edge: float = 0.0) -> Tensor:
        """Global, left, own and right block of each block, in one: (..., blocks, seen, k).

        Beyond an edge, and where the global block is the left or own one, `edge` stands.
        """
        outside = torch.full_like(blocks[:, :, :1], edge)
        left = torch.cat([outside, blocks[:, :, :-1]], 2)
        right = torch.cat([blocks[:, :, 1:], outside], 2)
        first = blocks[:, :, :1].expand_as(blocks)
        if edge:
            near = torch.arange(blocks.shape[2], device=blocks.device).view(-1, 1, 1) < 2
            first = torch.where(near, torch.full_like(first, edge), first)
        return torch.cat([first, left, blocks, right], 3)


def solve(problem: Compression, block: int) -> nn.Module:
    """The reference with attention in blocks of `block` tokens."""
    model: Any = problem.reference()
    for layer in model.layers:
        layer.attention.self = BlockAttention(layer.attention.self, block)
    return problem.finetune(model, teacher=problem.reference(), temperature=2.0, keep_soft=True)


METHOD = Method(
    name="sparse_attention",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"block": 8}, {"block": 4}, {"block": 2}),
    source="arXiv:2007.14062",
    modalities=("text",),
)
