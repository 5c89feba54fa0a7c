"""A gated recurrent sentence classifier: both directions, maximum over time.

Source: Cho et al. 2014, arXiv:1406.1078; maximum pooling over states, Conneau et al. 2017,
arXiv:1705.02364, section 3.2.
"""

from torch import nn

from harness import Compression, Method
from harness.recurrent import TextGRU
from harness.transformer import new_vocabulary

TOKENS, EPOCHS = 12_000, 10


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
