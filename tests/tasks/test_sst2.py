"""SST-2 files to token ids: what is read, what is refused."""

import numpy as np
import pytest

from harness.errors import DataError
from tasks.datasets import sst2
from tasks.datasets.sequences import cut_padding, lengths
from tasks.models import pretrained

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tokenizer():
    try:
        return pretrained.folder() / "tokenizer.json"
    except DataError as error:
        pytest.skip(str(error))


def write(folder, rows):
    path = folder / "dev.tsv"
    path.write_text("sentence\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_missing_file_names_the_files_to_give(tmp_path):
    with pytest.raises(DataError, match=r"dev\.tsv is missing; name the folder with SST-2/train"):
        sst2.read_table(tmp_path / "dev.tsv")


def test_a_truncated_file_says_how_many_rows_it_has(tmp_path):
    with pytest.raises(DataError, match="2 rows with 1 positive ones are not the published 872"):
        sst2.read_table(write(tmp_path, ["good\t1", "bad\t0"]))


def test_other_sentences_in_as_many_rows_are_refused(tmp_path):
    rows = ["good\t1"] * 444 + ["bad\t0"] * 428
    with pytest.raises(DataError, match=r"872 rows with 444 .* truncated or changed; name"):
        sst2.read_table(write(tmp_path, rows))


def test_a_file_cut_inside_a_letter_is_refused(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_bytes("sentence\tlabel\nfaçade".encode()[:-4])
    with pytest.raises(DataError, match="is not UTF-8 at byte 17"):
        sst2.read_table(path)


@pytest.mark.parametrize("row", ["no label", "good\t2", "good\t"])
def test_a_line_without_a_label_is_refused(tmp_path, row):
    with pytest.raises(DataError, match="a line is not `sentence<TAB>0 or 1`"):
        sst2.parse(write(tmp_path, ["good\t1", row]))


def test_a_whole_file_is_read_and_tabs_in_sentences_stay(tmp_path):
    rows = ["tab\there\t1"] + ["good \t1"] * 443 + ["bad\t0"] * 428
    sentences, labels = sst2.parse(write(tmp_path, rows))
    assert sentences[:2] == ["tab\there", "good"]
    assert labels.sum() == 444


def test_an_empty_sentence_is_its_two_marks(tokenizer):
    found = sst2.tokenize(["", "a film"], tokenizer)
    assert found["ids"][0, :3].tolist() == [sst2.CLS, sst2.SEP, 0]
    assert found["mask"].sum(1).tolist() == [2, 4]


def test_a_sentence_of_10_000_words_is_cut_to_64_tokens_with_its_end_mark(tokenizer):
    found = sst2.tokenize(["word " * 10_000], tokenizer)
    assert found["ids"].shape == (1, sst2.LENGTH)
    assert found["mask"].sum() == sst2.LENGTH
    assert found["ids"][0, -1] == sst2.SEP


@pytest.mark.parametrize(
    "text", ["déjà vu — naïve", "完全に素晴らしい", "\U0001f600 great \U0001f44d", "\x00\u202e"]
)
def test_any_text_becomes_ids_of_the_vocabulary(tokenizer, text):
    ids = sst2.tokenize([text], tokenizer)["ids"]
    assert ids.min() >= 0
    assert ids.max() < sst2.VOCABULARY


@pytest.fixture(scope="module")
def answer():
    """Logits of an exported small BERT, deployed as any artifact is."""
    import onnxruntime

    from harness import registry
    from harness.artifact.export import to_onnx
    from tasks.models import bert

    torch.manual_seed(0)
    ids = torch.randint(1000, 2000, (4, sst2.LENGTH))
    inputs = registry.find_task("sst2_bert_compression").inputs
    graph = to_onnx(bert.build(width=1 / 12, depth=1 / 6), inputs, (ids, torch.ones_like(ids)))
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return lambda arrays: session.run(None, arrays)[0]


HOSTILE = {
    "empty": "",
    "spaces": " \t ",
    "10,000 words": "word " * 10_000,
    "one word of 10,000 letters": "a" * 10_000,
    "non-ASCII": "déjà vu — naïve 完全に素晴らしい",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "control characters": "\x00\u202e\ufffd",
    "marks": "[CLS] [SEP] [PAD] [MASK]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_sentence_gets_the_same_finite_logits_alone_and_in_a_batch(tokenizer, answer, name):
    alone = answer(sst2.tokenize([HOSTILE[name]], tokenizer))
    assert np.isfinite(alone).all()
    batch = answer(sst2.tokenize(["a good film", HOSTILE[name]], tokenizer))
    assert np.allclose(alone[0], batch[1], atol=1e-5)


def test_a_request_that_is_all_padding_gets_finite_logits(answer):
    nothing = np.zeros((1, sst2.LENGTH), np.int64)
    assert np.isfinite(answer({"ids": nothing, "mask": nothing})).all()


def test_an_empty_sentence_of_a_file_is_kept_as_a_row(tmp_path):
    rows = ["\t1"] + ["good\t1"] * 443 + ["bad\t0"] * 428
    sentences, _ = sst2.parse(write(tmp_path, rows))
    assert (sentences[0], len(sentences)) == ("", 872)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    path = tmp_path / "tokenizer.json"
    Tokenizer(WordLevel({"[UNK]": 0, "good": 1}, unk_token="[UNK]")).save(str(path))
    with pytest.raises(DataError, match=r"2 pieces .* not the uncased BERT vocabulary of 30522"):
        sst2.tokenize(["good"], path)


def test_padding_common_to_a_batch_is_cut():
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]])
    ids = 7 * mask
    assert lengths([ids, mask]).tolist() == [2, 3]
    short = cut_padding([ids, mask])
    assert [each.shape for each in short] == [(2, 3), (2, 3)]
    assert torch.equal(short[0], ids[:, :3])


def test_generated_sentences_have_the_official_shapes_and_both_labels():
    splits = sst2.generate(0)
    for split in splits.values():
        assert split.inputs["ids"].shape[1:] == (sst2.LENGTH,)
        assert set(np.unique(split.targets)) == {0, 1}
        assert (split.inputs["ids"][split.inputs["mask"] == 0] == 0).all()
