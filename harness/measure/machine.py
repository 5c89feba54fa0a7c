"""Facts of this machine that decide whether it is the one a profile describes."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Machine:
    """The processor as /proc/cpuinfo states it; `cores` are those this process may use."""

    vendor: str
    family: int
    model: int
    flags: frozenset[str]
    cores: int
    name: str
    system: str

    def facts(self) -> dict[str, Any]:
        """What a record keeps: everything but the flags that no profile asks for."""
        flags = sorted(
            flag for flag in self.flags if flag.startswith(("avx", "amx", "f16c", "fma"))
        )
        return asdict(self) | {"flags": flags}


def machine(cpuinfo: Path = CPUINFO) -> Machine:
    """This machine; unknown fields are empty or 0, as off Linux and on ARM."""
    fields = _first_processor(cpuinfo)
    return Machine(
        vendor=fields.get("vendor_id", fields.get("CPU implementer", "")),
        family=_number(fields.get("cpu family", fields.get("CPU architecture", ""))),
        model=_number(fields.get("model", fields.get("CPU part", ""))),
        flags=frozenset(fields.get("flags", fields.get("Features", "")).split()),
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        name=fields.get("model name", platform.processor()),
        system=f"{platform.system()} {platform.machine()}",
    )


def _first_processor(cpuinfo: Path) -> dict[str, str]:
    if not cpuinfo.exists():
        return {}
    block = cpuinfo.read_text().split("\n\n")[0]
    lines = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return 0
