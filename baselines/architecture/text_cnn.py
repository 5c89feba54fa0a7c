"""A convolutional sentence classifier: windows of 3, 4 and 5 tokens, maximum over time.

Source: Kim 2014, arXiv:1408.5882, section 2.
"""

import torch
from torch import Tensor, nn

from harness import Compression, Method
from harness.transformer import new_vocabulary

TOKENS, EPOCHS = 12_000, 15
WINDOWS = (3, 4, 5)


class TextCNN(nn.Module):
    """Token vectors, one convolution for each window size, maximum, linear."""

    def __init__(self, vocabulary: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.windows = nn.ModuleList(nn.Conv1d(width, width, w, padding=w // 2) for w in WINDOWS)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(len(WINDOWS) * width, classes)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """int64 (n, t) token ids and mask to logits (n, classes)."""
        present = mask[:, None, :].to(self.classifier.weight.dtype)  # (n, 1, t)
        vectors = self.vocabulary(ids).transpose(1, 2) * present  # (n, width, t)
        length = ids.shape[1]
        found = [
            (torch.relu(window(vectors)[:, :, -length:]) * present).amax(2)  # around each token
            for window in self.windows
        ]
        logits: Tensor = self.classifier(self.dropout(torch.cat(found, 1)))
        return logits


def solve(problem: Compression, width: int) -> nn.Module:
    """A trained network of `width` filters for each window size."""
    vocabulary = new_vocabulary(problem, TOKENS, width, size=30_522)
    model = TextCNN(vocabulary, width, problem.classes)
    return problem.train(model, learning_rate=2.0, epochs=EPOCHS)


METHOD = Method(
    name="text_cnn",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"width": 16}, {"width": 64}, {"width": 128}),
    source="arXiv:1408.5882",
    modalities=("text",),
    small_baseline=True,
)
