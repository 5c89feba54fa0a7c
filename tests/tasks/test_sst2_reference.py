"""SST-2 with another BERT as its reference, given by the path of a saved model."""

import json
import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness import Split, cli, data, registry
from harness.errors import DataError, UsageError
from tasks.datasets import sst2
from tasks.models import bert, pretrained

NAME = "sst2_bert_compression"
TINY = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}


@pytest.fixture
def checkpoint(tmp_path):
    """A tiny BERT with the uncased tokenizer, as transformers saves it."""
    from transformers import BertModel

    try:
        tokenizer = pretrained.folder() / "tokenizer.json"
    except DataError as error:
        pytest.skip(str(error))
    folder = tmp_path / "tiny"
    torch.manual_seed(0)
    config = bert.BertConfig(**bert.MINILM | TINY | {"intermediate_size": 64})
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    shutil.copy(tokenizer, folder)
    return folder


def first(split, count):
    inputs = {name: array[:count] for name, array in split.inputs.items()}
    return Split(inputs, split.targets[:count])


def change(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.fixture
def slimbench(monkeypatch, capsys, tmp_path):
    """Calls the command in this process on data of its own; returns (exit code, out, errors)."""
    monkeypatch.setenv("SLIMBENCH_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("SLIMBENCH_DATA", str(tmp_path / "data"))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["slimbench", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    return call


@pytest.mark.slow
def test_another_reference_has_runs_and_a_board_of_its_own(slimbench, checkpoint, tmp_path):
    few = {name: first(split, 256) for name, split in sst2.generate(0).items()}
    data.store(few, tmp_path / "data" / "sst2")
    words = (NAME, "--reference", str(checkpoint))
    own = registry.variant_name(NAME, str(checkpoint))

    code, _, errors = slimbench("run", *words, "dynamic_int8")
    assert (code, f"slimbench reference {own} --rebuild" in errors) == (1, True)
    assert slimbench("reference", *words, "--rebuild")[0] == 0
    code, out, _ = slimbench(
        "run", *words, "dynamic_int8", "--settings", "0", "--measure", "later", "--json"
    )
    record = json.loads(out)[0]
    assert (code, record["status"], record["task"]["name"]) == (0, "ok", own)
    assert record["task"]["title"].endswith(f"of {checkpoint}")
    assert record["counts"]["macs"] < 7e6

    assert [path.name for path in (tmp_path / "runs" / "results").iterdir() if path.is_dir()] == [
        own
    ]
    code, out, _ = slimbench("board", *words, "--json")
    assert (code, [row["method"] for row in json.loads(out)]) == (0, ["dynamic_int8"])
    published = json.loads(slimbench("board", NAME, "--json")[1])
    assert record["key"] not in [key for row in published for key in row["keys"]]


def test_small_networks_and_budgets_follow_the_reference(checkpoint):
    task = registry.find_variant(registry.variant_name(NAME, str(checkpoint)))
    whole, half = task.build(), task.build(depth=0.5)
    assert (len(whole.layers), len(half.layers)) == (2, 1)
    assert half.layers[0].intermediate.dense.weight.shape == (64, 32)
    macs = 2 * (64 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * 64 * 64 * 32)  # by hand
    plain = registry.find_task(NAME).budgets["standard"].train_macs
    assert task.budgets["standard"].train_macs == pytest.approx(plain * macs / 0.699e9)


def test_another_reference_is_never_the_published_task(checkpoint):
    with pytest.raises(UsageError, match="no task is named"):
        registry.find_task(registry.variant_name(NAME, str(checkpoint)))
    assert registry.find_variant(NAME) is registry.find_task(NAME)


def test_a_hub_name_is_named_without_slashes():
    name = registry.variant_name(NAME, "google-bert/bert-base-uncased")
    assert name == f"{NAME}@google-bert--bert-base-uncased"
    with pytest.raises(UsageError, match="stands for a slash"):
        registry.variant_name(NAME, "a--b/c")


def test_a_task_without_a_pretrained_reference_says_which_tasks_have_one(slimbench):
    code, _, errors = slimbench("run", "mnist_mlp_microcontroller", "--reference", "a/b")
    assert code == 2
    assert f"takes no other reference; those that do: {NAME}" in errors


def test_without_the_hub_the_error_says_what_to_do(slimbench, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "/nonexistent")
    code, _, errors = slimbench("run", NAME, "--reference", "google-bert/bert-base-uncased")
    assert code == 2
    assert "connect to the internet or name a local folder" in errors


def test_a_tokenizer_of_another_model_is_refused(slimbench, checkpoint):
    path = checkpoint / "tokenizer.json"
    found = json.loads(path.read_text())
    del found["model"]["vocab"]["film"]
    path.write_text(json.dumps(found))
    code, _, errors = slimbench("run", NAME, "--reference", str(checkpoint))
    assert (code, "30521 pieces that are not those of uncased BERT" in errors) == (2, True)


def test_a_model_smaller_than_its_tokenizer_is_refused(checkpoint):
    change(checkpoint / "config.json", vocab_size=28_996)
    name = registry.variant_name(NAME, str(checkpoint))
    with pytest.raises(DataError, match="the tokenizer does not match the model, which embeds 289"):
        registry.find_variant(name)


def test_a_folder_without_a_tokenizer_says_how_to_save_one(checkpoint):
    (checkpoint / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"no tokenizer.*save_pretrained"):
        pretrained.vocabulary(checkpoint)


def test_a_vocabulary_of_lines_is_read_as_that_of_the_tokenizer(checkpoint):
    pieces = pretrained.vocabulary(checkpoint)
    (checkpoint / "tokenizer.json").unlink()
    (checkpoint / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    assert pretrained.vocabulary(checkpoint) == pieces


def test_a_model_that_is_no_bert_is_refused(checkpoint):
    change(checkpoint / "config.json", model_type="roberta")
    with pytest.raises(DataError, match="of type roberta, not bert"):
        bert.build(checkpoint=str(checkpoint))


def test_pickled_or_cut_weights_are_refused(checkpoint):
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"no whole model\.safetensors"):
        bert.build(checkpoint=str(checkpoint))
    path.rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(DataError, match="pickled weights are not read"):
        bert.build(checkpoint=str(checkpoint))


def test_a_weight_of_another_shape_is_refused(checkpoint):
    path = checkpoint / "model.safetensors"
    name = "encoder.layer.0.output.dense.bias"
    save_file(load_file(path) | {name: torch.zeros(7)}, path, {"format": "pt"})
    with pytest.raises(DataError, match="1 weights missing or of another shape"):
        bert.build(checkpoint=str(checkpoint))


def test_a_pretraining_checkpoint_as_the_hub_has_it_is_read(checkpoint):
    """google-bert/bert-base-uncased: `bert.` before each name, a head, and the old norm names."""
    path = checkpoint / "model.safetensors"
    kept = {name: value + 0.5 for name, value in load_file(path).items()}
    old = {
        "bert." + name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): value
        for name, value in kept.items()
    }
    heads = {
        "bert.pooler.dense.weight": torch.zeros(32, 32),
        "bert.pooler.dense.bias": torch.zeros(32),
        "cls.predictions.bias": torch.zeros(30522),
        "cls.seq_relationship.bias": torch.zeros(2),
    }
    save_file(old | heads, path, {"format": "pt"})
    found = bert.build(checkpoint=str(checkpoint)).layers[0].attention.output.LayerNorm
    assert torch.equal(found.weight, kept["encoder.layer.0.attention.output.LayerNorm.weight"])
