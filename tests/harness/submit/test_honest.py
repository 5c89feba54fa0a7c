"""Honest bundles are accepted: as packed, re-packed by hand, of a model alone, timed, retrained."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from bundles import CARD, rewrite

from harness import registry
from harness.errors import UsageError
from harness.record import RunRecord, read_records
from harness.record_submission import StatusRecord
from harness.run.matrix import plan, run_all
from harness.submit import audits
from harness.submit import verify as verification
from harness.submit.expect import expectations
from harness.submit.history import find_rows, lost, mark, publish
from harness.submit.pack import method_name, pack_runs
from harness.submit.verify import verify

DIGITS = "mnist_mlp_microcontroller"


def by_zip_program(folder, out):
    """As a person zips a folder: one folder at the top, and what systems leave in it."""
    top = out.parent / "my bundle"
    shutil.copytree(folder, top)
    (top / ".DS_Store").write_bytes(b"\0")
    shutil.make_archive(str(out.with_suffix("")), "zip", out.parent, "my bundle")
    return out


def stored(folder, out):
    """Without compression, names in another order."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return out


@pytest.mark.parametrize("pack", [lambda folder, out: folder, by_zip_program, stored])
def test_an_honest_bundle_is_accepted_however_it_was_packed(pack, copy, judged, tmp_path):
    verdict = judged(pack(copy, tmp_path / "packed.zip"))
    assert verdict.accepted, verdict.reasons()
    assert {one.verdict for one in verdict.rows[0].claims} == {"accepted"}
    assert {"seccomp", "rlimits"} <= set(verdict.sandbox)


@pytest.mark.parametrize("seed", [3, 11])
def test_other_seeds_and_methods_are_accepted(seed, digits, place, options, tmp_path):
    (tmp_path / "card.toml").write_text(CARD)
    name = {3: "static_int8", 11: "width_scaled"}[seed]
    settings = "0" if seed == 3 else "3"
    method = registry.find_method(name)
    (done,) = run_all(plan(digits, [method], place, seeds=[seed], settings=settings))
    out = pack_runs([done.run.folder], tmp_path / "card.toml", tmp_path / "b.zip")
    verdict = verify(out, options)
    assert verdict.accepted, verdict.reasons()


def test_the_predictions_of_another_processor_may_differ_within_the_tolerance():
    random = np.random.default_rng(0)
    outputs = random.normal(0, 5, (10_000, 10)).astype(np.float32)
    found = outputs.argmax(axis=1)
    order = np.argsort(outputs, axis=1)
    margin = np.sort(outputs, axis=1)[:, -1] - np.sort(outputs, axis=1)[:, -2]
    close = margin / np.abs(outputs).max(axis=1) < 0.02
    assert close.sum() > 50
    few, clear = np.flatnonzero(close)[:25], np.flatnonzero(~close)[:1]

    def claimed(rows):
        labels = found.copy()
        labels[rows] = order[rows, -2]
        return labels

    def verdict(rows, same_class):
        return audits.judge_predictions(claimed(rows), found, outputs, 0.02, same_class).verdict

    assert verdict(few, same_class=False) == "accepted"
    assert verdict(few, same_class=True) == "refused"
    assert verdict(clear, same_class=False) == "refused"
    assert verdict(np.flatnonzero(close)[:40], same_class=False) == "refused"


def test_a_claimed_speedup_is_judged_by_the_one_timed_here(copy, honest, options, monkeypatch):
    from test_hostile_records import timed

    ours = verify(copy, replace(options, time=True))
    assert ours.accepted, ours.reasons()
    measured = ours.rows[0].measured
    if measured is None:
        pytest.skip("no profile matches this machine, so nothing is timed here")
    anchor, entry = np.mean([pair for start in measured.pairs for pair in start], axis=0)

    def starts(anchor, entry, spread=0.0):
        """Ten process starts, every second one slower by `spread` in the entry alone."""
        slower = (1 + spread, 1.0)
        return [[(float(anchor), float(entry * slower[start % 2]))] * 4 for start in range(10)]

    steady, noisy = starts(anchor, entry), starts(anchor, entry, spread=0.15)
    for here, factor, expected in (
        (steady, 1.0, "accepted"),
        (steady, 2.0, "refused"),
        (noisy, 1.0, "unchecked"),
    ):
        found = measured.model_copy(update={"pairs": here})
        monkeypatch.setattr(verification, "time_again", lambda *_, found=found: (found, None))
        shutil.copyfile(honest.folder / "records.jsonl", copy / "records.jsonl")
        claimed = starts(anchor, entry / factor)
        timed(pairs=claimed, environment=measured.environment, profile=measured.profile)(
            copy, honest
        )
        judged = verify(copy, replace(options, time=True))
        (claim,) = [one for one in judged.rows[0].claims if one.name == "speedup"]
        assert claim.verdict == expected, claim


def test_an_accepted_bundle_becomes_a_verified_row_with_card_and_history(copy, options, tmp_path):
    import leaderboard

    results = tmp_path / "results"
    verdict = verify(copy, options, lambda bundle, found: publish(bundle, found, results))
    assert verdict.accepted
    (row,) = leaderboard.load(results).rows(DIGITS, "smoke")
    assert (row["verification"], row["runs_tried"]) == ("verified", 7)
    assert row["card"]["authors"] == ["Ada Lovelace", "Łukasz Żółw"]
    assert [one["status"] for one in row["history"]] == ["verified"]
    sha256 = row["artifacts"][0]
    assert leaderboard.load(results).artifact_of(DIGITS, sha256) is not None
    with pytest.raises(UsageError, match="smoke rows are never published"):
        verify(copy, options, lambda b, v: publish(b, v, registry.ROOT / "leaderboard/results"))


def test_the_recomputed_score_is_published_where_it_differs(copy, options, tmp_path):
    """Scored elsewhere, one label in 512 apart: within 0.3%, so ours is shown and both are kept."""

    def change(fields):
        fields["environment"]["cpu_flags"] = ["avx2"]
        fields["quality_test"] -= 1 / 512
        fields["figures_test"] = {"AUROC": 1.0}  # never recomputed before, so published as claimed

    results = tmp_path / "results"
    found = verify(rewrite(copy, change), options, lambda b, v: publish(b, v, results))
    assert found.accepted, found.reasons()
    rows = read_records((results / DIGITS).glob("*.jsonl"))
    (run,) = [row for row in rows if isinstance(row, RunRecord)]
    (status,) = [row for row in rows if isinstance(row, StatusRecord)]
    (claim,) = [one for one in status.claims if one.name == "quality_test"]
    assert run.quality_test == claim.recomputed
    assert run.figures_test == {}
    assert claim.claimed == pytest.approx(claim.recomputed - 1 / 512)


def test_a_copy_under_another_name_is_refused(copy, options, honest, tmp_path):
    results = tmp_path / "results"
    assert verify(copy, options, lambda b, v: publish(b, v, results)).accepted
    again = verify(copy, replace(options, boards=[results]))
    assert again.accepted, again.reasons()
    stolen = rewrite(copy, lambda fields: fields["method"].update(name="my_own_idea"))
    found = verify(stolen, replace(options, boards=[results]))
    assert "is that of the published row 'student'" in " ".join(found.reasons())
    other = rewrite(stolen, lambda fields: fields["method"].update(name="student"))
    taken = verify(
        rewrite(other, lambda fields: fields.update(artifact_sha256="1" * 64)),
        replace(options, boards=[results]),
    )
    assert "belongs to another published run" in " ".join(taken.reasons())


def test_statuses_are_added_and_what_is_lost_is_named(copy, options, tmp_path):
    results = tmp_path / "results"
    assert verify(copy, options, lambda b, v: publish(b, v, results)).accepted
    before = shutil.copytree(results, tmp_path / "before")
    rows = find_rows(f"{DIGITS}/student/width=0.0625", results)
    assert mark(rows, "flagged", "labels leaked") == 1
    assert lost(before, results) == []
    assert any("status" in line and "is gone" in line for line in lost(results, before))
    (path,) = (results / DIGITS).glob("*.jsonl")
    path.unlink()
    assert sum("is gone" in line for line in lost(before, results)) == 3
    with pytest.raises(UsageError, match="no status is called 'deleted'"):
        mark(rows, "deleted", "x")
    with pytest.raises(UsageError, match="needs a reason"):
        mark(rows, "flagged", " ")


def test_retraining_runs_the_method_in_its_sandbox_and_judges_it(copy, options):
    verdict = verify(copy, replace(options, retrain_seeds=2))
    (claim,) = [one for one in verdict.rows[0].claims if one.name == "retrained"]
    assert claim.verdict in ("accepted", "unchecked"), claim
    assert "2 fresh seeds score" in claim.why


def test_what_to_expect_is_said_before_anybody_else_sees_it(honest, tmp_path):
    said = " ".join(expectations(honest.folder, []))
    assert "the schema is right" in said
    assert "limits " in said and "shown, not ranked (1 of 3 seeds)" in said
    assert "best of 1 tries" in said
    broken = shutil.copytree(honest.folder, tmp_path / "broken")
    (broken / "card.toml").write_text("name = 1")
    assert "verify would refuse it: card.toml is not the file" in expectations(broken, [])[0]


def test_packing_says_what_is_missing(honest, tmp_path):
    with pytest.raises(UsageError, match=r"needs --card card\.toml; start from this"):
        pack_runs([honest.runs], None, tmp_path / "b.zip")
    with pytest.raises(UsageError, match="no finished run lies below"):
        pack_runs([tmp_path], honest.card, tmp_path / "b.zip")
    with pytest.raises(UsageError, match="name it with --method-file"):
        pack_runs([honest.runs], honest.card, tmp_path / "b.zip")
    with pytest.raises(UsageError, match="exists already"):
        pack_runs([honest.runs], honest.card, tmp_path, method_files=[honest.method])


def test_a_card_name_becomes_a_row_name():
    assert method_name("My Method 2!") == "my_method_2"
    with pytest.raises(UsageError, match="Latin letter"):
        method_name("山田")


def test_the_commands_end_with_0_1_and_2(honest, tmp_path, monkeypatch, capsys):
    import sys

    from harness import cli

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["slimbench", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    where = ("--runs", honest.place.runs, "--no-time", "--json")
    code, out, _ = call("verify", honest.folder, *where)
    assert (code, json.loads(out)[0]["accepted"]) == (0, True)
    (tmp_path / "bad.zip").write_bytes(b"x")
    code, out, _ = call("verify", tmp_path / "bad.zip", *where)
    assert (code, json.loads(out)[0]["accepted"]) == (1, False)
    code, _, errors = call("verify", tmp_path / "none.zip", *where[:-1])
    assert (code, "neither a folder nor an archive" in errors) == (2, True)


def test_listing_and_board_load_nothing_of_submissions():
    code = (
        "import sys; from harness import cli\n"
        "sys.exit(any(n in sys.modules for n in ('torch', 'harness.submit', 'onnxruntime')))"
    )
    assert subprocess.run([__import__("sys").executable, "-c", code], check=False).returncode == 0
