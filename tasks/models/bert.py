"""A BERT encoder with a classifier on the mean of its token vectors.

Source: Devlin et al. 2018, arXiv:1810.04805; the layers are those of transformers, in a plain list
so that methods can drop, replace or narrow them. Mean pooling as in Reimers and Gurevych 2019,
arXiv:1908.10084.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
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
HEADS = ("pooler", "bert.pooler", "cls")  # of a checkpoint; the task has its own


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


def configuration(width: float, depth: float, checkpoint: str = pretrained.MINILM) -> BertConfig:
    """A checkpoint's configuration at a fraction of its heads (and so width) and layers."""
    own = checkpoint != pretrained.MINILM
    whole = pretrained.configuration(pretrained.folder(checkpoint)) if own else MINILM
    heads = max(1, round(width * whole["num_attention_heads"]))
    hidden = whole["hidden_size"] // whole["num_attention_heads"] * heads
    shape = {
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": hidden * whole["intermediate_size"] // whole["hidden_size"],
        "num_hidden_layers": max(1, round(depth * whole["num_hidden_layers"])),
    }
    return BertConfig(**whole | shape, attn_implementation="eager")


def build(
    width: float = 1.0, depth: float = 1.0, checkpoint: str = pretrained.MINILM, classes: int = 2
) -> nn.Module:
    """The pretrained encoder with an untrained classifier; scaled encoders start untrained.

    The pretrained embeddings are frozen, so that a fine-tuned checkpoint ships without them.
    """
    if (width, depth) != (1.0, 1.0):
        return BertClassifier(configuration(width, depth, checkpoint), classes)
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
    pretrained.configuration(folder)
    with torch.random.fork_rng():
        model, report = _load(folder)
    wrong = sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"]))
    surplus = sorted(key for key in report["unexpected_keys"] if not key.startswith(HEADS))
    if wrong or surplus:
        raise DataError(
            f"{folder} is not a BERT checkpoint: {len(wrong)} weights missing or of another shape "
            f"{wrong[:2]}, {len(surplus)} unknown {surplus[:2]}; name a BERT encoder"
        )
    return model


def _load(folder: Path) -> tuple[BertModel, dict[str, Any]]:
    """The encoder and what of it was missing, surplus or of another shape."""
    try:
        found: tuple[BertModel, dict[str, Any]] = BertModel.from_pretrained(
            folder,
            attn_implementation="eager",
            output_loading_info=True,
            add_pooling_layer=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
        )
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{folder} has no whole model.safetensors ({reason}); save the model there with "
            "`model.save_pretrained(FOLDER)`, pickled weights are not read"
        ) from None
    return found
