"""Profiles: fixed hardware, runtime and threads, one TOML file each, known by its hash.

The anchors' frozen latencies lie beside the profile in `NAME.anchors.toml`, so that freezing one
more task does not change the profile's hash.
"""

from __future__ import annotations

import difflib
import re
import statistics
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from harness.errors import UsageError
from harness.measure.machine import Machine
from harness.record import ProfileBlock, sha256_of, write_atomically
from harness.record_row import Row

FOLDER = Path(__file__).parent / "profiles"
MINIMUM_STARTS = 10


class Cpu(Row):
    """A class of processors: vendor, family and model as in /proc/cpuinfo, flags it has and lacks.

    One model is sold with and without some units: a virtual machine may hide AMX.
    """

    vendor: str
    family: int
    models: list[int]
    flags: list[str]
    lacks: list[str] = Field(default_factory=list)


class Anchor(Row):
    """The frozen latency of a task's fp32 reference: median over `starts` quiet process starts."""

    task: str
    nominal_ms: float = Field(gt=0)
    starts: int = Field(ge=1)
    machine: str
    runtime_version: str


class Profile(Row):
    """One way to run a model; `measured` says whether its own authors could exercise it."""

    name: str
    title: str
    kind: Literal["measured", "table", "predicted", "remote"]
    runtime: str
    runtime_version: str
    precision: Literal["fp32", "bf16", "fp16", "int8", "fp16-2:4"] = "fp32"
    threads: int = Field(default=1, ge=1)
    batch: int = Field(default=1, ge=1)
    throughput_batch: int = Field(default=16, ge=1)
    pinned: bool = True
    memory_bytes: int = Field(default=8 * 10**9, ge=1)
    tolerance: float = Field(default=1e-3, gt=0)
    price_per_hour_usd: float | None = None
    price_source: str = ""
    exercised: bool = True
    cpu: Cpu | None = None
    base: str = ""
    device: str = ""
    unit: Literal["ms", "mJ"] = "ms"
    source: str = ""
    sha256: str = ""
    path: Path = Path()

    def block(self, version: str | None = None) -> ProfileBlock:
        """What a record keeps of the profile, with the runtime's version in use."""
        return ProfileBlock(
            name=self.name,
            sha256=self.sha256,
            kind=self.kind,
            runtime=self.runtime,
            runtime_version=version or self.runtime_version,
            threads=self.threads,
            batch=self.batch,
            price_per_hour_usd=self.price_per_hour_usd,
        )


def list_profiles(folder: Path = FOLDER) -> list[str]:
    """Names of all profiles, sorted."""
    names = (path.name.removesuffix(".toml") for path in folder.glob("*.toml"))
    return sorted(name for name in names if not name.endswith(".anchors"))


def load_profile(name: str | Path) -> Profile:
    """A profile by name, or by the path of its TOML file.

    Raises UsageError with the nearest name, or naming the first key that is wrong.
    """
    path = Path(name) if str(name).endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise UsageError(f"no profile '{name}'; {_nearest(str(name))}")
    try:
        fields = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a TOML file: {error}") from None
    if reserved := {"sha256", "path"} & set(fields):
        raise UsageError(f"{path}: unknown key '{min(reserved)}'")
    fields |= {"sha256": sha256_of(path), "path": path, "name": path.stem}
    try:
        return Profile.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        kind = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        known = ", ".join(sorted(set(Profile.model_fields) - {"sha256", "path", "name"}))
        raise UsageError(f"{path}: {kind} '{key}'; the keys are {known}") from None


def mismatch(profile: Profile, found: Machine, version: str | None = None) -> str | None:
    """Why this machine is not the profile's, in one sentence, or None when it is.

    `version` is the installed runtime's; names of processors and hosts are never compared.
    """
    if version is not None and not _same_release(version, profile.runtime_version):
        return (
            f"{profile.name} is fixed to {profile.runtime} {profile.runtime_version}, "
            f"installed is {version}"
        )
    return _other_cpu(profile, profile.cpu, found) if profile.cpu else None


def _other_cpu(profile: Profile, cpu: Cpu, found: Machine) -> str | None:
    if (found.vendor, found.family) != (cpu.vendor, cpu.family) or found.model not in cpu.models:
        return (
            f"{profile.name} is for {cpu.vendor} family {cpu.family} models {cpu.models}, this is "
            f"{found.vendor or 'unknown'} family {found.family} model {found.model}"
        )
    if missing := sorted(set(cpu.flags) - found.flags):
        return f"{profile.name} needs the CPU flags {', '.join(missing)}, which this machine lacks"
    if found.flags & set(cpu.lacks):
        return f"{profile.name} is for CPUs without {', '.join(cpu.lacks)}, which this machine has"
    if found.cores < profile.threads:
        return f"{profile.name} needs {profile.threads} cores, this process may use {found.cores}"
    return None


def anchors(profile: Profile) -> dict[str, Anchor]:
    """The profile's frozen anchors by the artifact's sha256."""
    path = _anchors_path(profile)
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text()).get("anchors", {})
        return {sha256: Anchor.model_validate(table) for sha256, table in tables.items()}
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"{path} is damaged ({error}); restore it from git") from None


def freeze_anchor(
    profile: Profile,
    sha256: str,
    task: str,
    starts_ms: Sequence[float],
    *,
    where: Machine,
    version: str,
) -> Anchor:
    """Write the median of at least 10 quiet starts as an anchor's nominal latency.

    Raises UsageError when there are fewer starts, or the machine is not the profile's.
    """
    if len(starts_ms) < MINIMUM_STARTS:
        raise UsageError(
            f"{len(starts_ms)} quiet starts of {task}'s anchor are too few to freeze; "
            f"take {MINIMUM_STARTS}"
        )
    if reason := mismatch(profile, where, version):
        raise UsageError(f"not frozen: {reason}")
    frozen = Anchor(
        task=task,
        nominal_ms=statistics.median(starts_ms),
        starts=len(starts_ms),
        machine=f"{where.vendor} family {where.family} model {where.model}",
        runtime_version=version,
    )
    table = anchors(profile) | {sha256: frozen}
    text = "\n".join(_anchor_lines(key, table[key]) for key in sorted(table))
    write_atomically(_anchors_path(profile), text.encode())
    return frozen


def _anchors_path(profile: Profile) -> Path:
    return profile.path.with_name(f"{profile.path.stem}.anchors.toml")


def _anchor_lines(sha256: str, anchor: Anchor) -> str:
    return (
        f'[anchors."{sha256}"]\ntask = "{anchor.task}"\nnominal_ms = {anchor.nominal_ms!r}\n'
        f'starts = {anchor.starts}\nmachine = "{anchor.machine}"\n'
        f'runtime_version = "{anchor.runtime_version}"\n'
    )


def _same_release(version: str, wanted: str) -> bool:
    """Whether `version` starts with the parts of `wanted`: 1.31.2 is of 1.31, 1.3 is not."""
    if wanted == "any":
        return True
    return re.match(rf"{re.escape(wanted)}(?![0-9])", version) is not None


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, list_profiles(), n=1, cutoff=0.4)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"the profiles are {', '.join(list_profiles())}"
