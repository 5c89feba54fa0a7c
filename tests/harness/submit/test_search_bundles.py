"""Bundles of table searches: looked up line by line, one seed run again, forgeries refused."""

import json
import re
import shutil

import numpy as np
import pytest
from bundles import CARD, reseal, rewrite

import leaderboard
from harness import registry, traces
from harness.run import search_runs
from harness.submit.expect import expectations
from harness.submit.history import publish
from harness.submit.pack import pack_runs
from harness.submit.searches import read_trace, write_trace
from harness.submit.verify import verify

TABLE = "cell_search"


@pytest.fixture(scope="module")
def packed(place, tmp_path_factory):
    """A bundle of one method on one quality case and one device case at smoke scale."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "card.toml").write_text(CARD)
    task = registry.find_table_task(TABLE)
    prepared = search_runs.prepare(task, "smoke", place)
    quality = next(case.name for case in task.cases if case.device is None)
    device = next(case.name for case in task.cases if case.device is not None)
    cases = search_runs.cases_of(prepared, [quality, device])
    method = registry.find_method("random_search")
    runs = search_runs.plan(prepared, [method], cases, place, settings="0")
    for run in runs:
        record, _, _ = search_runs.execute(run)
        assert record.status == "ok", record.failures
    folders = [run.folder for run in runs]
    return pack_runs(folders, folder / "card.toml", folder / "bundle")


@pytest.fixture
def spoiled(packed, tmp_path):
    """A copy of the bundle, and a way to change its traces with all hashes renewed."""
    folder = shutil.copytree(packed, tmp_path / "bundle")

    def change(edit):
        digests = {}
        for path in (folder / "traces").iterdir():
            trace = edit(dict(read_trace(path)))
            write_trace(path, trace)
            digests[path.stem] = traces.digest(trace)
        return rewrite(
            folder, lambda fields: fields.update(trace_sha256=digests[fields["key"][:16]])
        )

    return folder, change


def test_an_honest_search_is_accepted_and_published(packed, options, tmp_path):
    assert any(TABLE in line for line in expectations(packed, []))
    results = tmp_path / "results"
    results.mkdir()
    verdict = verify(packed, options, lambda bundle, found: publish(bundle, found, results))
    assert verdict.accepted, verdict.reasons()
    assert [one.name for one in verdict.searches[0].claims] == ["looked_up", "one_seed"]
    assert json.dumps(verdict.as_json())
    rows = leaderboard.load(results).search(TABLE, "smoke").rows
    assert len(rows) == 2
    assert {row["verification"] for row in rows} == {"verified"}


def raised(trace):
    better = trace["validation"] + 0.01
    return trace | {"validation": better.astype(np.float32)}


def renamed(trace):
    """Another architecture with all of its true figures: only a second run can tell."""
    lines = {name: values.copy() for name, values in trace.items()}
    seed = lines["seed"] == lines["seed"][0]
    other = np.flatnonzero(~seed & ~lines["answer"])[0]
    first = np.flatnonzero(seed & ~lines["answer"])[0]
    same = [name for name in lines if name not in ("seed", "queries", "seconds", "answer")]
    if lines["architecture"][first] == lines["architecture"][other]:
        first = np.flatnonzero(seed & ~lines["answer"])[1]
    for name in same:
        lines[name][first] = lines[name][other]
    for name in same:  # whichever seed is run again, it differs
        lines[name][other] = trace[name][first]
    return lines


CHANGES = {
    "a figure is raised": (raised, "in the table"),
    "other architectures were asked": (renamed, "asks about other architectures"),
    "an architecture is outside the space": (
        lambda trace: trace | {"architecture": trace["architecture"] + np.int32(10**6)},
        "outside the space",
    ),
    "more was spent": (lambda trace: trace | {"queries": trace["queries"] + 1e6}, "spends more"),
    "a column is missing": (
        lambda trace: {name: values for name, values in trace.items() if name != "cost"},
        "other columns",
    ),
    "answers are left out": (
        lambda trace: {name: values[~trace["answer"]] for name, values in trace.items()},
        "committed no answer",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_forged_trace_is_refused(name, spoiled, options):
    _, change = spoiled
    edit, reason = CHANGES[name]
    verdict = verify(change(edit), options)
    assert not verdict.accepted
    assert reason in " ".join(verdict.reasons())


FIELDS = {
    "another table": (
        lambda one: one["task"].update(table_sha256="0" * 64),
        "run it again",
    ),
    "a larger budget": (lambda one: one["case"].update(queries=10**6), "case .* was changed"),
    "other seeds": (lambda one: one.update(seeds=[5, 6]), "is not that of these settings"),
    "an unknown case": (lambda one: one["case"].update(name="no_case"), "no case is named"),
    "a seed twice": (lambda one: one.update(seeds=[0, 0]), "given twice"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_forged_record_is_refused(name, spoiled, options):
    folder, _ = spoiled
    change, reason = FIELDS[name]
    verdict = verify(rewrite(folder, change), options)
    assert re.search(reason, " ".join(verdict.reasons())), verdict.reasons()


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"\x93NUMPY"])
def test_a_broken_trace_is_refused(content, spoiled, options):
    folder, _ = spoiled
    for path in (folder / "traces").iterdir():
        path.write_bytes(content)
    verdict = verify(reseal(folder), options)
    assert "holds no trace" in verdict.refused or "other columns" in verdict.refused
