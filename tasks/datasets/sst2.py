"""SST-2: movie-review phrases and sentences, positive or negative, as token ids.

Source: Socher et al. 2013 (EMNLP), as in GLUE (Wang et al. 2018, arXiv:1804.07461); the test
labels are the treebank's own. Not redistributed here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness import DataSet, Split
from harness.errors import DataError
from harness.record import sha256_of
from tasks.models import pretrained

LENGTH = 64  # the longest test sentence has 64 tokens
CLASSES = ("negative", "positive")
ROWS = {"train": (67_349, 37_569), "dev": (872, 444), "test_labelled": (1_821, 909)}
SHA256 = {  # of the rows `sentence<TAB>label`, spaces around a sentence cut
    "train": "3c91e2f5b06db2a8c4c4f517b2ebc2a834db524e925a7ae678d3e94244f16a49",
    "dev": "928f85561721d3d496463886462108768e3b7c4c4cb0ceaa5aa983423489d8f9",
    "test_labelled": "281ca9011009348e3456d416dab463c60a8434ddd391cb8377dd0a995f056aae",
}
WAY_OUT = "name the folder with SST-2/train.tsv, dev.tsv and test_labelled.tsv"
CLS, SEP, VOCABULARY = 101, 102, 30_522
# of the uncased pieces, one a line
VOCABULARY_SHA256 = "0f052197aac305fe42f378b5c61554b7bacb34b8be4af83fec2cfdcdffbc9973"


def parse(path: Path) -> tuple[list[str], np.ndarray]:
    """Sentences and labels uint8 (n,) of one file with the header `sentence<TAB>label`."""
    if not path.is_file():
        raise DataError(f"{path} is missing; {WAY_OUT}")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[1:]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 at byte {error.start}; {WAY_OUT}") from None
    rows = [line.rsplit("\t", 1) for line in lines if line]
    if any(len(row) != 2 or row[1] not in {"0", "1"} for row in rows):
        raise DataError(f"{path}: a line is not `sentence<TAB>0 or 1`; {WAY_OUT}")
    return [sentence.strip() for sentence, _ in rows], np.array([r[1] for r in rows]).astype("u1")


def read_table(path: Path) -> tuple[list[str], np.ndarray]:
    """As `parse`; raises DataError unless these are the published rows, in their order."""
    sentences, labels = parse(path)
    found, expected = (len(labels), int(labels.sum())), ROWS[path.stem]
    text = "\n".join(f"{one}\t{label}" for one, label in zip(sentences, labels, strict=True))
    if sha256_of(text.encode()) != SHA256[path.stem]:
        raise DataError(
            f"{path}: {found[0]:,} rows with {found[1]:,} positive ones are not the published "
            f"{expected[0]:,} with {expected[1]:,}: the file is truncated or changed; {WAY_OUT}"
        )
    return sentences, labels


def opened(tokenizer: Path) -> Any:
    """The tokenizer of that file, set to cut and pad to 64 tokens.

    Raises DataError when it is not the uncased BERT one that the task is built on.
    """
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_file(str(tokenizer))
    marks = [encoder.token_to_id(mark) for mark in ("[PAD]", "[CLS]", "[SEP]")]
    if marks != [0, CLS, SEP] or encoder.get_vocab_size() != VOCABULARY:
        raise DataError(
            f"{tokenizer}: {encoder.get_vocab_size()} pieces with marks {marks}, not the uncased "
            f"BERT vocabulary of {VOCABULARY}; take the reference's own tokenizer"
        )
    encoder.enable_truncation(LENGTH)
    encoder.enable_padding(length=LENGTH)
    return encoder


def tokenize(sentences: list[str], tokenizer: Path) -> dict[str, np.ndarray]:
    """`ids` and `mask`, int64 (n, 64), cut and padded, with [CLS] and [SEP].

    Raises DataError when the tokenizer is not the uncased BERT one that the task is built on.
    """
    encoded = opened(tokenizer).encode_batch(sentences)
    return {
        "ids": np.array([each.ids for each in encoded], np.int64),
        "mask": np.array([each.attention_mask for each in encoded], np.int64),
    }


def check_vocabulary(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise DataError unless a checkpoint reads the ids that the data set is prepared with."""
    pieces = pretrained.vocabulary(folder)
    if sha256_of("\n".join(pieces).encode()) != VOCABULARY_SHA256:
        raise DataError(
            f"{folder}: its tokenizer has {len(pieces)} pieces that are not those of uncased BERT, "
            "with which sst2 is tokenized; name an uncased BERT"
        )
    positions, rows = config["max_position_embeddings"], config["vocab_size"]
    if rows < VOCABULARY or positions < LENGTH:
        raise DataError(
            f"{folder}: the tokenizer does not match the model, which embeds {rows} pieces at "
            f"{positions} positions, not {VOCABULARY} at {LENGTH}; save both of one model there"
        )


def preprocess(folder: Path) -> tuple[Callable[[str], Any], str, list[str]]:
    """The reference's tokenizer for one sentence, its library, and the official test sentences."""
    encoder = opened(pretrained.folder() / "tokenizer.json")
    sentences, _ = read_table(_tables(folder) / "test_labelled.tsv")
    return encoder.encode, "tokenizers", sentences


def _tables(folder: Path) -> Path:
    return folder / "SST-2" if (folder / "SST-2").is_dir() else folder


def read(folder: Path) -> dict[str, Split]:
    """Official files to train (without the one test sentence in it), validation (dev) and test.

    Raises DataError when a file is missing or changed, or no tokenizer is to be had.
    """
    folder = _tables(folder)
    tokenizer = pretrained.folder() / "tokenizer.json"
    tables = {name: read_table(folder / f"{name}.tsv") for name in ROWS}
    tested = set(tables["test_labelled"][0])
    sentences, labels = tables["train"]
    keep = np.array([sentence not in tested for sentence in sentences])
    tables["train"] = [s for s, kept in zip(sentences, keep, strict=True) if kept], labels[keep]
    names = {"train": "train", "validation": "dev", "test": "test_labelled"}
    return {
        split: Split(tokenize(tables[table][0], tokenizer), tables[table][1])
        for split, table in names.items()
    }


def generate(seed: int) -> dict[str, Split]:
    """Sequences of the same shapes: which of two word groups is more frequent decides."""
    random = np.random.default_rng(seed)

    def split(count: int) -> Split:
        labels = random.integers(0, 2, count).astype(np.uint8)
        sides = labels[:, None].astype(int)
        lengths = random.integers(6, 40, count)
        mask = (np.arange(LENGTH) < lengths[:, None]).astype(np.int64)
        words = random.integers(1000, 1200, (count, LENGTH))
        telling = 2000 + 20 * sides + random.integers(0, 20, (count, LENGTH))
        flipped = 2000 + 20 * (1 - sides) + random.integers(0, 20, (count, LENGTH))
        chosen = random.random((count, LENGTH))
        ids = np.where(chosen < 0.25, telling, np.where(chosen < 0.31, flipped, words))
        ids[:, 0] = CLS
        ids[np.arange(count), lengths - 1] = SEP
        return Split({"ids": ids * mask, "mask": mask}, labels)

    return {"train": split(2048), "validation": split(256), "test": split(512)}


DATASET = DataSet(
    name="sst2",
    origin="https://nlp.stanford.edu/sentiment/treebank.html, https://gluebenchmark.com",
    licence="none stated; research use",
    read=read,
    generate=generate,
    preprocess=preprocess,
)
