"""Predicted latency of an ONNX file: a table of timed operators, and a regression on top.

Each operator (kind, attributes, shapes) is timed once. A model's latency is then a linear
combination of the sum of its operators' times, their number, the bytes they exchange and their
MACs, fitted to whole models: an operator alone also pays for a call and for changing the layout of
its tensors, which its neighbours save it. An operator that is not in the table gets a ridge
regression of its kind. Always labelled as predicted; tests/benchmarks/predictor_validation.py
compares with measured latencies.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from harness.artifact.graph import read_graph
from harness.errors import UsageError
from harness.measure.many import latencies_ms
from harness.measure.operators import Operator, cut, operators, write_operator
from harness.measure.profile import Profile
from harness.record import write_atomically

FOLDER = Path(__file__).with_name("predictors")
RIDGE = 1e-2
SHORTEST_MS = 1e-4
VERSION = 1


@dataclass(frozen=True)
class Predictor:
    """What was learned for one profile; `table` holds ms by operator key.

    `kinds` holds the regression of each operator kind: log ms = features @ [:4] + [4];
    `weights` combine (sum of ms, number of operators, MB written, GMACs, 1).
    """

    profile: str
    profile_sha256: str
    table: Mapping[str, float]
    kinds: Mapping[str, list[float]]
    weights: list[float] = field(default_factory=lambda: [1.0, 0.0, 0.0, 0.0, 0.0])
    version: int = VERSION

    def predict(self, path: Path) -> float:
        """Latency of an ONNX file in ms at batch 1. Raises UsageError for an unknown operator."""
        return self.predict_operators(operators(path))

    def predict_operators(self, pieces: Sequence[Operator]) -> float:
        """Latency of a list of operators in ms; microseconds where the caller has the list."""
        return max(float(np.array(self.weights) @ self.summary(pieces)), SHORTEST_MS)

    def operator_ms(self, piece: Operator) -> float:
        """The time of one operator: from the table, or by its kind's regression."""
        if piece.key in self.table:
            return self.table[piece.key]
        if piece.kind not in self.kinds:
            raise UsageError(
                f"the predictor of {self.profile} never saw {piece.kind}; build it with a model "
                "that holds one"
            )
        *slope, constant = self.kinds[piece.kind]
        return float(np.exp(piece.features() @ np.array(slope) + constant))

    def summary(self, pieces: Sequence[Operator]) -> np.ndarray:
        """What the weights combine, float64 (5,)."""
        summed = sum(self.operator_ms(piece) for piece in pieces)
        written = sum(piece.written_bytes for piece in pieces) / 1e6
        macs = sum(piece.macs for piece in pieces) / 1e9
        return np.array([summed, len(pieces), written, macs, 1.0])


def fit_predictor(
    timed: Sequence[tuple[Operator, float]],
    models: Sequence[Path],
    latency_ms: Sequence[float],
    profile: Profile,
) -> Predictor:
    """A table of the timed operators, and their sum fitted to the models' measured latencies.

    Time every operator of a search space, not only those of `models`: a space has far fewer
    operators than architectures, and a table that holds them all predicts best.
    """
    table = {piece.key: latency for piece, latency in timed}
    found = Predictor(profile.name, profile.sha256, table, _fit_kinds(timed))
    rows = np.array([found.summary(operators(path)) for path in models])  # (models, 5)
    weights = _fit_weights(rows, np.array(latency_ms))
    return Predictor(profile.name, profile.sha256, table, found.kinds, weights)


def time_operators(
    models: Sequence[Path], anchor: Path, profile: Profile
) -> list[tuple[Operator, float]]:
    """Every distinct operator of the models with its time in ms."""
    with tempfile.TemporaryDirectory(prefix="slimbench-operators-") as name:
        pieces: dict[str, Operator] = {}
        paths: list[Path] = []
        for model in models:
            graph = read_graph(model)
            for piece in cut(graph):
                if piece.key not in pieces:
                    pieces[piece.key] = piece
                    paths.append(write_operator(piece, graph, Path(name) / f"{len(paths)}.onnx"))
        return list(zip(pieces.values(), latencies_ms(paths, anchor, profile), strict=True))


def stored_predictor(task: str, profile: Profile) -> Path:
    """Where the predictor of a task's search space on a profile lies."""
    return FOLDER / f"{task}.{profile.name}.json"


def save_predictor(predictor: Predictor, path: Path) -> None:
    """Write the predictor as JSON."""
    write_atomically(path, json.dumps(asdict(predictor), sort_keys=True).encode())


def load_predictor(path: Path, profile: Profile) -> Predictor:
    """Read a predictor. Raises UsageError when it was built for another profile."""
    try:
        found = Predictor(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no latency predictor ({error}); build it again") from None
    if found.profile_sha256 != profile.sha256 or found.version != VERSION:
        raise UsageError(
            f"{path} was built for {found.profile} with sha256 {found.profile_sha256[:8]}, the "
            f"profile {profile.name} has {profile.sha256[:8]}; build it again"
        )
    return found


def _fit_kinds(timed: Sequence[tuple[Operator, float]]) -> dict[str, list[float]]:
    groups: dict[str, list[tuple[Operator, float]]] = defaultdict(list)
    for piece, latency in timed:
        groups[piece.kind].append((piece, latency))
    return {kind: _ridge(rows) for kind, rows in groups.items()}


def _ridge(rows: Sequence[tuple[Operator, float]]) -> list[float]:
    """Log latency on log sizes, shrunk towards the mean where there are few examples."""
    x = np.array([piece.features() for piece, _ in rows])  # (operators, 4)
    y = np.log([max(latency, 1e-6) for _, latency in rows])
    mean = x.mean(axis=0)
    gram = (x - mean).T @ (x - mean) + RIDGE * np.eye(4)
    slope = np.linalg.solve(gram, (x - mean).T @ (y - y.mean()))
    return [*(float(value) for value in slope), float(y.mean() - mean @ slope)]


def _fit_weights(rows: np.ndarray, latency_ms: np.ndarray) -> list[float]:
    """Weights of least relative error, barely shrunk towards the plain sum of operators."""
    relative = rows / latency_ms[:, None]  # (models, 5)
    size = np.maximum(np.linalg.norm(relative, axis=0), 1e-12)
    scaled = relative / size
    plain = np.array([1.0, 0, 0, 0, 0]) * size
    gram = scaled.T @ scaled + 1e-6 * np.eye(rows.shape[1])
    change = np.linalg.solve(gram, scaled.T @ (1 - scaled @ plain))
    return [float(weight) for weight in (plain + change) / size]
