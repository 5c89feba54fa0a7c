"""Facts about this machine and installation, without importing torch."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import signal
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.errors import SlimbenchError

FULL_BYTES = 5 * 10**6
PACKAGES = ("torch", "torchvision", "onnx", "onnxruntime", "numpy", "torch-pruning", "openvino")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
ROOT = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1


@cache
def cpu() -> dict[str, Any]:
    """Model name and the instruction sets that matter for speed, from /proc/cpuinfo."""
    fields: dict[str, str] = {}
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else []:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    present = set(fields.get("flags", "").split())
    return {
        "cpu": fields.get("model name", platform.processor() or platform.machine()),
        "cpu_vendor": fields.get("vendor_id", ""),
        "cpu_family": int(fields.get("cpu family", 0)),
        "cpu_model": int(fields.get("model", 0)),
        "cpu_flags": [flag for flag in FLAGS if flag in present],
        "cores": os.cpu_count() or 1,
    }


def precision(device: str) -> str:
    """What the training loop computes in on this device: `bf16` or `float32`.

    Intel's AVX-512 bf16 without AMX multiplies at half the rate of fp32 (73 against 145 GFLOP/s,
    2048-wide matrices on one Sapphire Rapids core); AMD's runs at five times it.
    """
    if device != "cpu":
        return "bf16"
    found = cpu()
    fast = "amx_bf16" if found["cpu_vendor"] == "GenuineIntel" else "avx512_bf16"
    return "bf16" if fast in found["cpu_flags"] else "float32"


def has_nvidia_driver() -> bool:
    """Whether a CUDA device can be here at all; asks no library."""
    return Path("/proc/driver/nvidia/version").is_file()


def die_with_parent() -> None:
    """End this process when the thread that started it ends, however that ends; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


@cache
def versions() -> dict[str, str]:
    """Installed versions of the packages a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """The checked-out commit, with `+` when files differ from it; None outside git."""
    if shutil.which("git") is None:
        return None
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except subprocess.CalledProcessError:
        return None
    return head[:12] + ("+" if changed else "")


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def check_space(folder: Path) -> None:
    """Raise SlimbenchError when the disk of a folder is full, which is why something failed."""
    free = shutil.disk_usage(folder).free
    if free < FULL_BYTES:
        raise SlimbenchError(
            f"no space is left on the disk of {folder} ({free / 1e6:.1f} MB): free some, or name "
            "another folder with --runs or --data; what was done is kept, the same command goes on"
        )


def facts() -> dict[str, Any]:
    """What a record says about where it was made."""
    return cpu() | {"versions": versions(), "commit": commit(), "platform": platform.platform()}
