"""Search records and traces as the harness writes them, on a table of four architectures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from board_records import CREATED, method_block

from harness import traces
from harness.record import merge_into
from harness.record_row import MetricBlock
from harness.record_search import (
    Answer,
    CaseBlock,
    FailedSeed,
    SearchRecord,
    TableRecord,
    TableTaskBlock,
)
from harness.traces import Trace

VALIDATION = (0.2, 0.5, 0.9, 0.7)  # the best by validation is number 2
TEST = (0.1, 0.6, 0.8, 0.9)  # the best by test is number 3
COST = (1.0, 2.0, 4.0, 3.0)
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"


def task_block(**fields: Any) -> TableTaskBlock:
    values: dict[str, Any] = {
        "name": "toys",
        "version": 1,
        "title": "Toy cells",
        "metric": MetricBlock(name="accuracy", unit="fraction", higher_is_better=True, chance=0.1),
        "space": "toys",
        "architectures": 4,
        "table": "toys",
        "table_sha256": "t" * 64,
        "table_origin": "made by hand",
        "clock": "made up",
    }
    return TableTaskBlock(**(values | fields))


def case_block(name: str = "cifar10", device: str | None = None, **fields: Any) -> CaseBlock:
    values: dict[str, Any] = {
        "name": name,
        "title": f"Case {name}",
        "kind": "trade_off" if device else "quality",
        "dataset": "cifar10",
        "fidelities": [12, 200],
        "full_epochs": 200,
        "queries": 10,
        "simulated_seconds": None,
        "device": device,
        "protocol": "",
        "best_architecture": 2,
        "best_architecture_text": CELL,
        "best_validation": 0.9,
        "best_architecture_test": 0.8,
        "best_test": 0.9,
        "cost_worst": 4.0 if device else None,
    }
    return CaseBlock(**(values | fields))


def lines(
    seed: int, found: Sequence[tuple[float, int]], answers: Sequence[int], fidelity: int = 200
) -> Trace:
    """A seed's trace: (queries, architecture) of each change of the best so far, then answers."""
    which = np.array([one for _, one in found] + list(answers))
    when = [queries for queries, _ in found] + [10.0] * len(answers)
    columns: dict[str, Any] = {
        "seed": np.full(len(which), seed),
        "queries": when,
        "seconds": 100 * np.array(when),
        "architecture": which,
        "fidelity": [fidelity] * len(found) + [200] * len(answers),
        "validation": np.array(VALIDATION)[which],
        "cost": np.array(COST)[which],
        "answer": [False] * len(found) + [True] * len(answers),
    }
    made = {name: np.asarray(columns[name]).astype(kind) for name, kind in traces.COLUMNS.items()}
    return made | {
        f"test_{name}": np.array(TEST, np.float32)[which] for name in ("cifar10", "cifar100")
    }


def searched(
    method: str, case: CaseBlock, parts: Sequence[Trace], **fields: Any
) -> tuple[SearchRecord, Trace]:
    """A record and its trace; each part is one seed."""
    trace = traces.joined(parts) if parts else {}
    seeds = [int(part["seed"][0]) for part in parts]
    failures = fields.pop("failures", [])
    values: dict[str, Any] = {
        "key": f"{method}-{case.name}-{fields.get('setting')}",
        "task": task_block(),
        "case": case,
        "method": method_block(method, family="search"),
        "setting": {},
        "scale": "standard",
        "seeds": seeds + [one.seed for one in failures],
        "status": "failed" if failures else "ok",
        "failures": failures,
        "answers": [Answer(architecture=2, text=CELL, count=len(parts))],
        "trace_sha256": traces.digest(trace) if trace else None,
        "created": CREATED,
    }
    return SearchRecord(**(values | fields)), trace


def failed_seed(seed: int, cause: str = "RuntimeError: gave up") -> FailedSeed:
    return FailedSeed(seed=seed, status="failed", cause=cause)


def table_record(**fields: Any) -> TableRecord:
    """Exact front of case `phone`: architectures 0, 1 and 3 by test; 2 is beaten by 3."""
    values: dict[str, Any] = {
        "task": task_block(),
        "scale": "standard",
        "devices": ["phone", "tablet"],
        "correlations": {"cifar10": [[1.0, 0.4], [0.4, 1.0]]},
        "fronts": {"phone": [(1.0, 0.2, 0.1), (2.0, 0.5, 0.6), (3.0, 0.7, 0.9)]},
        "created": CREATED,
    }
    return TableRecord(**(values | fields))


def write(
    folder: Path, *found: tuple[SearchRecord, Trace], table: TableRecord | None = None
) -> Path:
    """A results folder."""
    for record, trace in found:
        stem = folder / record.task.name / f"{record.method.name}.{record.scale}"
        merge_into(stem.with_name(stem.name + ".jsonl"), [record])
        if trace:
            traces.merge_into(stem.with_name(stem.name + ".parquet"), record.key, trace)
    if table:
        merge_into(folder / table.task.name / "table.standard.jsonl", [table])
    return folder
