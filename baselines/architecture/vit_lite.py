"""ViT-Lite: a small Vision Transformer for small images, the weak-inductive-bias baseline.

Source: Hassani et al. 2021, arXiv:2104.05704, section 3.2 (ViT-Lite-6/4 to 7/4: patches of 4
pixels, 256 wide, 4 heads); sequence pooling as in its CVT. Departs from it: the task's recipe.
"""

import torch
from torch import Tensor, nn

from harness import Compression, Method


class ViTLite(nn.Module):
    """Patches of `patch` pixels, `layers` pre-norm encoder layers of `width`, sequence pooling."""

    def __init__(self, size: int, patch: int, layers: int, width: int, classes: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.position = nn.Parameter(0.02 * torch.randn(1, (size // patch) ** 2, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.pool = nn.Linear(width, 1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (n, 3, h, w) to logits (n, classes)."""
        tokens = self.patches(images.float() / 64 - 2).flatten(2).transpose(1, 2)  # (n, t, width)
        tokens = self.norm(self.encoder(tokens + self.position))
        weights = self.pool(tokens).softmax(1)  # (n, t, 1)
        logits: Tensor = self.classifier((weights * tokens).sum(1))
        return logits


def solve(problem: Compression, layers: int, width: int) -> nn.Module:
    """A trained ViT-Lite of `layers` layers, `width` wide."""
    size = problem.example[0].shape[-1]
    model = ViTLite(size, 4, layers, width, problem.classes)
    return problem.train(model, learning_rate=0.3)


METHOD = Method(
    name="vit_lite",
    version=1,
    solves=Compression,
    solve=solve,
    settings=(
        {"layers": 3, "width": 128},
        {"layers": 6, "width": 128},
        {"layers": 6, "width": 256},
    ),
    source="arXiv:2104.05704",
    modalities=("image",),
    small_baseline=True,
)
