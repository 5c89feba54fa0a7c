"""Are graphs with weights drawn anew as fast as the artifacts they stand for?

    python tests/benchmarks/redrawn_weights.py [MODEL.onnx ...] [--cap SECONDS]

Times each artifact's graph, refilled, in pairs with the artifact itself; without files the largest
published artifact of each task. A ratio of 1 means equally fast.
"""

import argparse
import tempfile
from pathlib import Path

import onnx

from harness.artifact import skeleton
from harness.commands.latency import profile_of, random_inputs
from harness.measure import measure
from harness.paired import speedup
from harness.registry import ROOT


def main() -> None:
    """Print one line a model: file, ratio with its 95% range, whether it settled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--cap", type=float, default=30.0)
    options = parser.parse_args()
    for model in options.models or largest():
        stripped = skeleton.strip(model)
        if stripped is None:
            print(f"{model}: time depends on weights, not kept")
            continue
        with tempfile.TemporaryDirectory() as folder:
            filled = Path(folder) / "filled.onnx"
            onnx.save(skeleton.fill(stripped), filled)
            found = measure(
                filled,
                model,
                profile_of(None),
                random_inputs(model),
                None,
                task=model.stem,
                task_version=0,
                cap_seconds=options.cap,
            )
        ratio = speedup(found.pairs)
        print(
            f"{model.relative_to(ROOT) if model.is_relative_to(ROOT) else model} "
            f"({model.stat().st_size / 1e6:.1f} MB, kept {len(stripped) / 1e3:.0f} kB): "
            f"{ratio.value:.4f} [{ratio.low:.4f}, {ratio.high:.4f}], "
            f"{'settled' if found.settled else 'not settled'}, {found.load_label}",
            flush=True,
        )


def largest() -> list[Path]:
    """The largest published artifact of each task that keeps graphs."""
    folders = sorted((ROOT / "leaderboard" / "results").glob("*/artifacts"))
    stored = [sorted(one.glob("*.onnx"), key=lambda path: -path.stat().st_size) for one in folders]
    return [next((path for path in each if skeleton.strip(path)), each[0]) for each in stored]


if __name__ == "__main__":
    main()
