"""Records: strict, complete, and safe against hands, crashes and two writers."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.record import merge_into, parse_line, read_records, to_line
from harness.run.stages import execute


@pytest.fixture
def record(run_of):
    return execute(run_of("honest"))[0]


def test_a_record_survives_the_way_to_json_and_back(record):
    assert parse_line(to_line(record)) == record


def test_a_record_edited_by_hand_is_refused(record):
    line = to_line(record).replace('"seed":0', '"seed":7')
    with pytest.raises(UsageError, match="was edited or cut"):
        parse_line(line, "row 3")


@pytest.mark.parametrize("line", ["", "[1]", '{"kind":"run"', '{"kind":"run"}'])
def test_what_is_no_record_is_refused_in_one_sentence(line):
    with pytest.raises(UsageError, match="restore the file from git"):
        parse_line(line or "?")


def test_merging_replaces_a_row_of_equal_identity_and_sorts(record, tmp_path):
    path = tmp_path / "rows.jsonl"
    other = record.model_copy(update={"key": "0" * 64})
    merge_into(path, [record, other])
    merge_into(path, [record.model_copy(update={"created": "later"})])
    rows = read_records([path])
    assert [row.key for row in rows] == sorted([record.key, "0" * 64])
    assert rows[1].created == "later"


def test_records_of_every_published_schema_load_for_ever():
    stored = sorted((Path(__file__).parent.parent / "records").glob("*.jsonl"))
    assert stored
    assert read_records(stored)
