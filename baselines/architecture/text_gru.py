"""A gated recurrent sentence classifier: both directions, maximum over time.

Source: Cho et al. 2014, arXiv:1406.1078; maximum pooling over states, Conneau et al. 2017,
arXiv:1705.02364, section 3.2.
"""

from torch import Tensor, nn

from harness import Compression, Method
from harness.transformer import new_vocabulary

TOKENS, EPOCHS = 12_000, 10


class TextGRU(nn.Module):
    """Token vectors, a bidirectional GRU, maximum over the tokens, linear."""

    def __init__(self, vocabulary: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.recurrent = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """int64 (n, t) token ids and mask to logits (n, classes)."""
        states, _ = self.recurrent(self.vocabulary(ids))  # (n, t, 2 width)
        present = mask[:, :, None].to(states.dtype)
        best = (states * present - 2 * (1 - present)).amax(1)  # states lie in (-1, 1)
        logits: Tensor = self.classifier(self.dropout(best))
        return logits


def solve(problem: Compression, width: int) -> nn.Module:
    """A trained network of `width` units in each direction."""
    vocabulary = new_vocabulary(problem, TOKENS, width, size=30_522)
    model = TextGRU(vocabulary, width, problem.classes)
    return problem.train(model, learning_rate=4.0, epochs=EPOCHS)


METHOD = Method(
    name="text_gru",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({"width": 32}, {"width": 64}, {"width": 128}),
    source="arXiv:1406.1078",
    modalities=("text",),
    small_baseline=True,
)
