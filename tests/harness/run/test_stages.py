"""Runs are keyed by what decides them, resume behind the last whole stage, and repeat exactly."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from harness.record import read_records
from harness.run.matrix import plan, run_all
from harness.run.stages import execute


def test_the_key_changes_with_everything_that_decides_the_solution(run_of, place):
    run = run_of("honest")
    others = [
        replace(run, seed=1),
        replace(run, setting={"width": 0.5}),
        replace(run, method=replace(run.method, version=2)),
        replace(run, method=replace(run.method, source_sha256="other")),
        replace(run, prepared=replace(run.prepared, data_sha256="other")),
        replace(run, place=replace(place, device="cuda")),
        run_of("honest", train_macs=1e9),
    ]
    keys = [other.key for other in others]
    assert len({run.key, *keys}) == len(others) + 1


def test_the_same_seed_twice_gives_identical_quality_macs_and_bytes(digits, place, tmp_path):
    from harness import registry

    method = registry.find_method("knowledge_distillation")
    again = replace(place, runs=tmp_path / "runs")
    first, _ = execute(plan(digits, [method], place, settings="2")[0])
    second, _ = execute(plan(digits, [method], again, settings="2")[0])
    assert first.quality_test == second.quality_test
    assert first.counts == second.counts
    assert first.artifact_sha256 == second.artifact_sha256


def test_a_run_that_lost_its_last_stages_goes_on_without_solving_again(run_of):
    run = run_of("honest")
    first, _ = execute(run)
    solved = (run.folder / "solve.json").stat().st_mtime_ns
    for name in ("record.json", "score.json", "counts.json", "predictions.npz"):
        (run.folder / name).unlink()
    second, reused = execute(run)
    assert not reused
    assert (run.folder / "solve.json").stat().st_mtime_ns == solved
    assert second.quality_test == first.quality_test
    assert second.predictions_sha256 == first.predictions_sha256


def test_records_and_predictions_are_published_and_the_quality_follows_from_them(digits, place):
    from harness import registry

    runs = plan(digits, [registry.find_method("static_int8")], place, settings="0")
    (done,) = run_all(runs)
    path = place.results / "mnist_mlp_microcontroller" / "static_int8.smoke.jsonl"
    rows = [row for row in read_records([path]) if row.kind == "run"]
    (stored,) = [row for row in rows if row.key == done.record.key]
    assert stored == done.record
    name = f"{stored.key[:16]}.npz"
    with np.load(path.parent / "predictions" / name) as predictions:
        assert predictions["example_scores"].mean() == stored.quality_test


def test_settings_are_chosen_by_index_or_as_json_and_wrong_ones_are_refused(digits, place):
    from harness import registry
    from harness.errors import UsageError

    method = registry.find_method("width_scaled")
    assert [dict(run.setting) for run in plan(digits, [method], place, settings="1")] == [
        {"width": 0.25}
    ]
    chosen = plan(digits, [method], place, settings='{"width": 0.4}')
    assert dict(chosen[0].setting) == {"width": 0.4}
    with pytest.raises(UsageError, match="give indices 0 to 3"):
        plan(digits, [method], place, settings="9")


def test_every_method_has_its_first_seed_before_any_has_its_second(digits, place):
    from harness import registry

    methods = [registry.find_method(name) for name in ("width_scaled", "static_int8")]
    seeds = [run.seed for run in plan(digits, methods, place, seeds=[0, 1])]
    assert seeds == sorted(seeds)


def test_a_full_disk_is_said_before_anything_starts(tmp_path, monkeypatch, capsys):
    from harness import cli

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 1))
    arguments = ["run", "mnist_mlp_microcontroller", "static_int8", "--scale", "smoke"]
    monkeypatch.setattr("sys.argv", ["slimbench", *arguments, "--runs", str(tmp_path / "runs")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "GB of disk" in capsys.readouterr().err
