"""Rows of a method that changed without a new version or a note."""

import pytest
from board_records import method_block

from harness import registry
from leaderboard import stale

LISTING = registry.methods()["l1_filter_pruning"]


def block(**fields):
    own = {"version": LISTING.version, "source_sha256": LISTING.source_sha256}
    return method_block(**({"name": "l1_filter_pruning"} | own | fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, False),
        ({"source_sha256": "0" * 64}, True),
        ({"source_sha256": "4ebd669911e7" + "0" * 52}, False),  # noted
        ({"source_sha256": "0" * 64, "version": 99}, False),  # another version: superseded
        ({"source_sha256": "0" * 64, "family": "submitted"}, False),
        ({"source_sha256": "0" * 64, "name": "somebodys_own"}, False),
    ],
)
def test_a_row_is_stale_when_its_source_changed_unsaid(fields, expected):
    assert stale.is_stale(block(**fields)) is expected


def test_the_check_names_the_method_and_both_ways_out():
    (said,) = stale.complaints([block(), block(source_sha256="0" * 64)] * 2)
    assert said.startswith(
        f"l1_filter_pruning version {LISTING.version} has rows made with source 00"
    )
    assert "a new version" in said and "scores_unchanged.toml" in said


def test_notes_name_methods_that_exist():
    assert set(stale.notes()) <= set(registry.methods())
    assert all(len(digits) == stale.DIGITS for one in stale.notes().values() for digits in one)


@pytest.mark.parametrize("name", registry.methods())
def test_versions_and_sources_are_read_as_the_registry_reads_them(name):
    here, listing = stale._here(name), registry.methods()[name]
    if listing.path.parent.parent == stale.METHODS:
        assert here == (listing.version, listing.source_sha256)
    else:
        assert here is None
