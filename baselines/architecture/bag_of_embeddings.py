"""A bag of embeddings: mean token vector, one hidden layer; the smallest text baseline.

Source: Joulin et al. 2016, arXiv:1607.01759 (fastText), with one hidden layer as in Iyyer et al.
2015 (deep averaging networks, ACL P15-1162).
"""

import torch
from torch import Tensor, nn

from harness import Compression, Method
from harness.transformer import new_vocabulary

TOKENS, EPOCHS = 12_000, 15


class Bag(nn.Module):
    """Mean of the vectors of a sentence's tokens, then two linear layers."""

    def __init__(self, vocabulary: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.hidden = nn.Linear(width, width)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(width, classes)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """int64 (n, t) token ids and mask to logits (n, classes)."""
        weights = mask.float()[:, :, None]
        mean = (self.vocabulary(ids) * weights).sum(1) / weights.sum(1).clamp_min(1)
        logits: Tensor = self.classifier(self.dropout(torch.relu(self.hidden(mean))))
        return logits


def solve(problem: Compression, width: int) -> nn.Module:
    """A trained bag of vectors of `width` numbers."""
    vocabulary = new_vocabulary(problem, TOKENS, width, size=30_522)
    model = Bag(vocabulary, width, problem.classes)
    return problem.train(model, learning_rate=2.0, epochs=EPOCHS)


METHOD = Method(
    name="bag_of_embeddings",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"width": 16}, {"width": 64}, {"width": 256}),
    source="arXiv:1607.01759",
    modalities=("text",),
    small_baseline=True,
)
