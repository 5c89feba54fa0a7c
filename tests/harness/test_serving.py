"""Timing what lies around a row: raw requests to inputs, and requests at their own length."""

import sys
import time

import numpy as np
import pytest

from harness import cli, registry
from harness.commands import serving
from harness.errors import DataError, UsageError
from harness.measure.profile import anchors, load_profile
from harness.measure.timing import Requests
from harness.record import MeasurementRecord, read_records, sha256_of
from harness.record_studies import PreprocessingRecord
from harness.run.timing import is_usable
from tasks.datasets import sst2
from tasks.models import pretrained

NAME = "sst2_bert_compression"
PROFILE = "ort-1t-xeon-amx"  # off-profile elsewhere: timed, and not published


def test_requests_are_cut_to_the_longest_of_their_batch():
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0]])
    requests = Requests({"ids": 7 * mask, "mask": mask}, mask="mask")
    rows, alone = requests.fresh(1)
    assert alone["ids"].tolist() == [[[7, 7], [7, 7, 7]][rows[0]]]
    assert requests.fresh(2)[1]["mask"].shape == (2, 3)
    assert Requests(requests.inputs).fresh(1)[1]["ids"].shape == (1, 4)


def test_the_reference_is_timed_at_natural_length(place):
    assert serving.natural_length(NAME, "smoke", place, PROFILE) == 0
    path = place.results / NAME / "reference.smoke.jsonl"
    found = [one for one in read_records([path]) if isinstance(one, MeasurementRecord)]
    (record,) = [one for one in found if one.trimmed_length is not None]
    assert 20 < record.trimmed_length < 25  # generated lengths are 6 to 39
    assert record.pairs and record.outputs_match
    assert record.artifact_sha256 != record.anchor_sha256


def test_a_timing_in_other_batches_or_before_the_anchor_was_frozen_is_taken_again():
    profile = load_profile(PROFILE)
    found = MeasurementRecord(
        task=NAME,
        task_version=1,
        artifact_sha256="a" * 64,
        anchor_sha256="b" * 64,
        anchor_nominal_ms=15.0,
        profile=profile.block(),
        status="ok",
        throughput_batch=16,
        created="2026-11-21T19:49:15+00:00",
    )
    assert is_usable(found, profile)
    assert not is_usable(found, profile, 32)
    assert is_usable(found.model_copy(update={"throughput_batch": None}), profile, 32)
    unfrozen = found.model_copy(update={"environment": {"anchor_frozen": False}})
    assert is_usable(unfrozen, profile)  # this anchor still is not
    frozen = next(iter(anchors(profile)))
    assert not is_usable(unfrozen.model_copy(update={"anchor_sha256": frozen}), profile)


def test_requests_without_padding_have_no_natural_length(place):
    with pytest.raises(UsageError, match="are not padded"):
        serving.natural_length("mnist_mlp_microcontroller", "smoke", place, PROFILE)


def test_each_request_is_timed_alone_and_in_order():
    def encode(request):
        time.sleep(0.005 * len(request))

    found = serving.request_times(encode, ["a", "bbb", ""])
    assert found[1] > 14 > found[0] > 4 > found[2]


def test_tokenization_becomes_a_record_of_every_task_on_the_data(tmp_path, monkeypatch):
    try:
        pretrained.folder()
    except DataError as error:
        pytest.skip(str(error))
    labels = [1] * 909 + [0] * 912
    lines = [f"a film of {number}\t{label}" for number, label in enumerate(labels)]
    (tmp_path / "test_labelled.tsv").write_text("sentence\tlabel\n" + "\n".join(lines) + "\n")
    monkeypatch.setitem(sst2.SHA256, "test_labelled", sha256_of("\n".join(lines).encode()))
    words = ["data", "time", "sst2", "--from", str(tmp_path), "--results", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["slimbench", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    (record,) = read_records([tmp_path / "out" / NAME / "preprocessing.standard.jsonl"])
    assert isinstance(record, PreprocessingRecord)
    assert (len(record.request_ms), record.library.split()[0]) == (1821, "tokenizers")
    assert 0 < min(record.request_ms) < 10


def test_a_data_set_that_is_numbers_already_is_not_timed(tmp_path):
    with pytest.raises(UsageError, match="requests of mnist are numbers already"):
        serving.time_preprocessing("mnist", tmp_path, tmp_path)
    assert registry.datasets()["mnist"].preprocess is None
