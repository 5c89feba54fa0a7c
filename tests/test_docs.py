"""The guides' code is run: Python blocks as files, commands at smoke scale in an empty folder."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.registry import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.splitlines()
]
SMOKE = [words for words in COMMANDS if "smoke" in words]
LONG = [words for words in COMMANDS if "smoke" not in words and words[0] != "make"]


def slimbench(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one command line of the guide in a folder."""
    command = [sys.executable, "-m", "harness.cli", *words[1:]]
    environment = os.environ | {"SLIMBENCH_DATA": str(folder / "none"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_smallest_method_of_the_readme_runs_and_is_on_its_board(tmp_path):
    (code,) = [text for kind, text in BLOCKS if kind == "python"]
    (tmp_path / "my_method.py").write_text(code)
    assert len(code.splitlines()) <= 25
    assert len(SMOKE) == 2
    for words in SMOKE:
        done = slimbench(words, tmp_path)
        assert done.returncode == 0, done.stderr
    assert "my_method" in done.stdout


def test_every_make_command_of_the_readme_is_a_target():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {words[1] for words in COMMANDS if words[0] == "make"} <= targets


@pytest.mark.parametrize("words", LONG, ids=" ".join)
def test_the_long_commands_of_the_readme_are_understood(words, tmp_path):
    done = slimbench(words, tmp_path)
    assert done.returncode in (0, 1 if "recommend" in words else 2), done.stderr
    assert "Usage:" not in done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 2:
        assert "slimbench data prepare" in done.stderr or "is missing" in done.stderr


def test_every_folder_the_readme_names_is_there():
    named = re.findall(r"^\| `([\w/]+)/` \|", README, flags=re.MULTILINE)
    assert named
    assert all((ROOT / name).is_dir() for name in named)


GUIDES = sorted(path for path in (ROOT / "site").glob("*.md"))
GUIDE_BLOCKS = [
    (path.name, kind, text)
    for path in GUIDES
    for kind, text in re.findall(r"^ *```(\w+)\n(.*?)^ *```", path.read_text(), re.DOTALL | re.M)
]


def commands_of(text: str) -> list[list[str]]:
    """The slimbench commands of a block, lines joined at backslashes, without prompts."""
    lines = text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line.strip().removeprefix("$ "), comments=True) for line in lines]
    return [w[w.index("slimbench") :] for w in words if "slimbench" in w and w[0] != "pip"]


@pytest.mark.parametrize(
    "words",
    [
        words
        for _, kind, text in GUIDE_BLOCKS
        if kind in ("console", "bash", "sh")
        for words in commands_of(text)
    ],
    ids=" ".join,
)
def test_the_commands_of_the_guides_name_options_that_exist(words):
    from typer.main import get_command

    from harness.cli import app

    command, rest = get_command(app), words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    assert not hasattr(command, "commands"), words
    assert {word.split("=")[0] for word in rest if word.startswith("--")} <= known | {"--help"}


@pytest.mark.parametrize("text", [t for _, k, t in GUIDE_BLOCKS if k == "bash"])
def test_the_scripts_of_the_guides_are_shell(text):
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_kubernetes_recipe_is_a_ray_job_whose_groups_name_an_image():
    (text,) = [text for name, kind, text in GUIDE_BLOCKS if (name, kind) == ("cluster.md", "yaml")]
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    groups = job["spec"]["rayClusterSpec"]
    for group in (groups["headGroupSpec"], *groups["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"] and container["resources"]["limits"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    measuring = groups["workerGroupSpecs"][1]["rayStartParams"]
    assert json.loads(measuring["resources"].strip("'")) == {"profile:ort-1t-zen5": 1}
    assert commands_of(job["spec"]["entrypoint"])
