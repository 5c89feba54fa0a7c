"""Where the time of a model goes: ms, MACs and bytes by operator, layer and branch.

    python -m harness.measure.attribute MODEL.onnx INPUTS.npz THREADS CPUS RESULT.json

ONNX Runtime's own profile gives the time of each kernel. It fuses nodes and names the result after
one of them or its output; the others are found by following the graph. Reading clocks inside costs
time of its own: kernel times are scaled down where they sum to more than the model takes without
profiling; what is left of that total is the runtime's row.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.artifact.count import NodeCount, count_nodes
from harness.errors import SlimbenchError, UsageError
from harness.measure.load import foreign_cores, idlest_cpus, read_load
from harness.measure.lock import measuring
from harness.measure.profile import Profile

RUNTIME = "(runtime)"
LOW_QUANTILE = 0.1
SECONDS = 2.0
MINIMUM_CALLS, MAXIMUM_CALLS = 20, 500


@dataclass(frozen=True)
class Share:
    """The time of one kernel, or of a group; macs and bytes are the file's nodes it runs.

    `reads` names the graph's inputs that they follow from; empty where no node is known.
    """

    name: str
    operator: str
    branch: str
    latency_ms: float
    macs: int
    weight_bytes: int
    output_bytes: int
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribution:
    """Rows that sum to `total_ms`, the model's latency measured without profiling."""

    total_ms: float
    scale: float
    rows: tuple[Share, ...]
    foreign_load: float | None = None

    def by(self, field: str, depth: int = 1) -> list[Share]:
        """Sums by `operator`, or by the first `depth` parts of the branch, slowest first."""
        groups: dict[str, list[Share]] = defaultdict(list)
        for row in self.rows:
            parts = row.branch.split(".")[:depth]
            groups[row.operator if field == "operator" else ".".join(parts)].append(row)
        sums = [_summed(name, rows) for name, rows in groups.items()]
        return sorted(sums, key=lambda row: -row.latency_ms)


def attribute(
    path: Path, profile: Profile, inputs: Mapping[str, np.ndarray], trace: Path | None = None
) -> Attribution:
    """Time every kernel of an ONNX file on the profile's threads, in a fresh process.

    `inputs`: {name: (n, *shape)}, of which the first request is used; `trace` gets ONNX Runtime's
    profile, a Chrome trace that Perfetto and TensorBoard read. Raises UsageError for a profile
    whose runtime has no kernel times, SlimbenchError when the model does not run.
    """
    if profile.runtime != "onnxruntime":
        raise UsageError(
            f"profile {profile.name} runs {profile.runtime}, which reports no kernel times; "
            "take an ONNX Runtime profile, such as ort-1t-xeon-amx"
        )
    with measuring(), tempfile.TemporaryDirectory(prefix="slimbench-attribute-") as name:
        folder = Path(name)
        np.savez(folder / "inputs.npz", **{key: array[:1] for key, array in inputs.items()})  # type: ignore[arg-type]
        cpus = ",".join(map(str, idlest_cpus(profile.threads)))
        arguments = [str(path.resolve()), "inputs.npz", str(profile.threads), cpus, "result.json"]
        command = [sys.executable, "-m", "harness.measure.attribute", *arguments]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        before = read_load()
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        load = foreign_cores(before, read_load())
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise SlimbenchError(f"{path} did not run: {lines[-1] if lines else 'no message'}")
        found = json.loads((folder / "result.json").read_text())
        if trace:
            trace.write_bytes((folder / "trace.json").read_bytes())
    rows = joined(found["total_ms"], found["kernels"], count_nodes(path))
    return replace(rows, foreign_load=load)


def joined(total_ms: float, kernels: list[dict[str, Any]], nodes: list[NodeCount]) -> Attribution:
    """Kernels {name, operator, latency_ms} joined to the file's nodes; rows sum to the total."""
    summed = sum(kernel["latency_ms"] for kernel in kernels)
    scale = min(1.0, total_ms / summed) if summed else 1.0
    owners = _owners([kernel["name"] for kernel in kernels], nodes)
    rows = []
    for kernel in kernels:
        own = owners[kernel["name"]]
        rows.append(
            Share(
                name=kernel["name"],
                operator=kernel["operator"],
                branch=next((node.branch for node in own if node.branch), ""),
                latency_ms=kernel["latency_ms"] * scale,
                macs=sum(node.macs for node in own),
                weight_bytes=sum(node.weight_bytes for node in own),
                output_bytes=sum(node.output_bytes for node in own),
                reads=tuple(sorted({name for node in own for name in node.reads})),
            )
        )
    rest = total_ms - sum(row.latency_ms for row in rows)
    missing = [node for node in nodes if not any(node in own for own in owners.values())]
    rows.append(
        Share(
            name=RUNTIME,
            operator=RUNTIME,
            branch=RUNTIME,
            latency_ms=max(rest, 0.0),
            macs=sum(node.macs for node in missing),
            weight_bytes=sum(node.weight_bytes for node in missing),
            output_bytes=sum(node.output_bytes for node in missing),
        )
    )
    return Attribution(total_ms, scale, tuple(rows))


def _owners(kernels: list[str], nodes: list[NodeCount]) -> dict[str, list[NodeCount]]:
    """The nodes each kernel runs: its namesake, then those that were fused into a neighbour.

    A node without a kernel of its own goes with the first reader that has one, or with the writer
    of its first input.
    """
    keys = {
        key: position for position, node in enumerate(nodes) for key in (node.name, *node.outputs)
    }
    owner: dict[int, str] = {}
    for kernel in kernels:
        close = [key for key in keys if key and (kernel == key or kernel.startswith(f"{key}_"))]
        close += [key for key in keys if key and not close and key in kernel]
        if close:
            owner.setdefault(keys[max(close, key=len)], kernel)
    writer = {name: position for position, node in enumerate(nodes) for name in node.outputs}
    readers: dict[int, list[int]] = defaultdict(list)
    for position, node in enumerate(nodes):
        for name in node.inputs:
            if name in writer:
                readers[writer[name]].append(position)
    for position in reversed(range(len(nodes))):
        later = [owner[reader] for reader in readers[position] if reader in owner]
        if position not in owner and later and nodes[position].macs:
            owner[position] = later[0]
    for position, node in enumerate(nodes):
        earlier = [owner[writer[name]] for name in node.inputs if writer.get(name) in owner]
        if position not in owner and earlier:
            owner[position] = earlier[0]
    owners: dict[str, list[NodeCount]] = {kernel: [] for kernel in kernels}
    for position, kernel in sorted(owner.items()):
        owners[kernel].append(nodes[position])
    return owners


def _summed(name: str, rows: list[Share]) -> Share:
    return Share(
        name=name,
        operator="",
        branch=name,
        latency_ms=sum(row.latency_ms for row in rows),
        macs=sum(row.macs for row in rows),
        weight_bytes=sum(row.weight_bytes for row in rows),
        output_bytes=sum(row.output_bytes for row in rows),
    )


def _profile(path: str, inputs: dict[str, np.ndarray], threads: int) -> dict[str, Any]:
    """Latency without profiling in ms, and each kernel's 10% quantile over calls."""
    import onnxruntime

    def session(profiling: bool) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_profiling, options.log_severity_level = profiling, 4
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    plain, profiled = session(False), session(True)
    total_ms = _alternated(plain, profiled, inputs)
    file = Path(profiled.end_profiling()).rename("trace.json")
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in json.loads(file.read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            name = event["name"].removesuffix("_kernel_time")
            times[name, event["args"]["op_name"]].append(event["dur"] / 1000)
    kernels = [
        {"name": name, "operator": operator, "latency_ms": float(np.quantile(each, LOW_QUANTILE))}
        for (name, operator), each in times.items()
    ]
    return {"total_ms": total_ms, "kernels": kernels}


def _alternated(plain: Any, profiled: Any, inputs: dict[str, np.ndarray]) -> float:
    """Call both in turn, so that a busy minute slows both; the plain session's latency in ms."""
    times: list[float] = []
    end = time.monotonic() + SECONDS
    while len(times) < MINIMUM_CALLS or (len(times) < MAXIMUM_CALLS and time.monotonic() < end):
        for _ in range(2):  # the second call finds the caches as in a series of calls
            profiled.run(None, inputs)
        plain.run(None, inputs)
        begin = time.perf_counter_ns()
        plain.run(None, inputs)
        times.append((time.perf_counter_ns() - begin) / 1e6)
    return float(np.quantile(times[2:], LOW_QUANTILE))


def _main(path: str, inputs: str, threads: str, cpus: str, result: str) -> None:
    if cpus:
        os.sched_setaffinity(0, [int(cpu) for cpu in cpus.split(",")])
    with np.load(inputs, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    Path(result).write_text(json.dumps(_profile(path, arrays, int(threads))))


if __name__ == "__main__":
    _main(*sys.argv[1:6])
