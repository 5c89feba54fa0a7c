"""A BERT encoder with a classifier on the mean of its token vectors.

Source: Devlin et al. 2018, arXiv:1810.04805; the layers are those of transformers, in a plain list
so that methods can drop, replace or narrow them. Mean pooling as in Reimers and Gurevych 2019,
arXiv:1908.10084.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

import harness.torchvision_ops  # noqa: F401  (must come before transformers)
from harness.errors import DataError
from tasks.models import pretrained

from transformers import BertConfig, BertModel, logging  # isort: skip
from transformers.models.bert.modeling_bert import BertEmbeddings, BertLayer  # isort: skip

MINILM = {  # config.json of sentence-transformers/all-MiniLM-L6-v2
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
HEAD_SIZE = 32


class BertClassifier(nn.Module):
    """`embeddings`, `layers` (a list of BertLayer) and `classifier`."""

    def __init__(self, config: BertConfig, classes: int) -> None:
        super().__init__()
        self.embeddings = BertEmbeddings(config)
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(config.num_hidden_layers))
        self.classifier = nn.Linear(config.hidden_size, classes)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=config.initializer_range)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """int64 (n, t) token ids and mask (1 token, 0 padding) to logits (n, classes)."""
        hidden = self.embeddings(ids)  # (n, t, width)
        present = mask.to(hidden.dtype)
        bias = (present[:, None, None, :] - 1) * 1e4  # added to scores (n, heads, t, t)
        for layer in self.layers:
            hidden = layer(hidden, bias)
        weights = present[:, :, None]
        mean = (hidden * weights).sum(1) / weights.sum(1).clamp_min(1)
        logits: Tensor = self.classifier(mean)
        return logits


def configuration(width: float, depth: float) -> BertConfig:
    """MiniLM's configuration at a fraction of its heads (and so width) and layers."""
    heads = max(1, round(width * MINILM["num_attention_heads"]))
    return BertConfig(
        **MINILM
        | {
            "hidden_size": HEAD_SIZE * heads,
            "num_attention_heads": heads,
            "intermediate_size": 4 * HEAD_SIZE * heads,
            "num_hidden_layers": max(1, round(depth * MINILM["num_hidden_layers"])),
        },
        attn_implementation="eager",
    )


def build(
    width: float = 1.0, depth: float = 1.0, checkpoint: str = pretrained.MINILM, classes: int = 2
) -> nn.Module:
    """The pretrained encoder with an untrained classifier; scaled encoders start untrained.

    The pretrained embeddings are frozen, so that a fine-tuned checkpoint ships without them.
    """
    if (width, depth) != (1.0, 1.0):
        return BertClassifier(configuration(width, depth), classes)
    encoder = load_encoder(pretrained.folder(checkpoint))
    model = BertClassifier(encoder.config, classes)
    model.embeddings = encoder.embeddings
    model.layers = encoder.encoder.layer
    return model.requires_grad_(True).apply(_freeze_embeddings)


def _freeze_embeddings(module: nn.Module) -> None:
    if isinstance(module, BertEmbeddings):
        module.requires_grad_(False)


def load_encoder(folder: Path) -> BertModel:
    """The encoder of a checkpoint. Raises DataError when weights are missing or do not fit."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with torch.random.fork_rng():
        model, report = BertModel.from_pretrained(
            folder, attn_implementation="eager", output_loading_info=True, add_pooling_layer=False
        )
    wrong = sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"]))
    surplus = sorted(k for k in report["unexpected_keys"] if not k.startswith(("pooler", "cls")))
    if wrong or surplus:
        raise DataError(
            f"{folder} is not a BERT checkpoint: {len(wrong)} weights missing or of another shape "
            f"{wrong[:2]}, {len(surplus)} unknown {surplus[:2]}; name a BERT encoder"
        )
    return model
