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
    with pytest.raises(DataError, match="2 rows with 1 positive ones, not 872 with 444"):
        sst2.read_table(write(tmp_path, ["good\t1", "bad\t0"]))


@pytest.mark.parametrize("row", ["no label", "good\t2", "good\t"])
def test_a_line_without_a_label_is_refused(tmp_path, row):
    with pytest.raises(DataError, match="a line is not `sentence<TAB>0 or 1`"):
        sst2.read_table(write(tmp_path, ["good\t1", row]))


def test_a_whole_file_is_read_and_tabs_in_sentences_stay(tmp_path):
    rows = ["tab\there\t1"] + ["good \t1"] * 443 + ["bad\t0"] * 428
    sentences, labels = sst2.read_table(write(tmp_path, rows))
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
    short = cut_padding([ids, mask], None)
    assert [each.shape for each in short] == [(2, 3), (2, 3)]
    assert torch.equal(short[0], ids[:, :3])


def test_generated_sentences_have_the_official_shapes_and_both_labels():
    splits = sst2.generate(0)
    for split in splits.values():
        assert split.inputs["ids"].shape[1:] == (sst2.LENGTH,)
        assert set(np.unique(split.targets)) == {0, 1}
        assert (split.inputs["ids"][split.inputs["mask"] == 0] == 0).all()
