"""A gated recurrent sentence classifier that reads both ways.

Source: Cho et al. 2014, arXiv:1406.1078; maximum pooling over states, Conneau et al. 2017,
arXiv:1705.02364, section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TextGRU(nn.Module):
    """Token vectors, a GRU in each direction, maximum over the tokens, linear.

    The backward direction starts at a sentence's last token, so that padding changes nothing.
    """

    def __init__(self, vocabulary: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.onward = nn.GRU(width, width, batch_first=True)
        self.reverse = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """int64 (n, t) token ids and mask to logits (n, classes)."""
        vectors = self.vocabulary(ids)
        present = mask[:, :, None].to(vectors.dtype)
        places = torch.arange(ids.shape[1], device=ids.device)[None, :]
        last = mask.sum(1, keepdim=True) - 1
        turned = torch.where(places <= last, last - places, places)[:, :, None]
        reversed_ = torch.gather(vectors, 1, turned.expand_as(vectors))
        both = self.onward(vectors)[0], self.reverse(reversed_)[0]
        states = torch.cat(both, 2)  # (n, t, 2 width); the order of time is lost in the maximum
        best = (states * present - 2 * (1 - present)).amax(1)  # states lie in (-1, 1)
        logits: Tensor = self.classifier(self.dropout(best))
        return logits
