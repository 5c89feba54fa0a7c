"""Fails when the repository outgrows what design and clone times allow; run by .ci/run."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What is counted, the most it may take together, and the most one file may take, in MB.
LIMITS = {
    "tasks/*/reference.safetensors": (80, 25),
    "leaderboard/results/*/artifacts/*": (60, 4),
    "leaderboard/results/*/predictions/*": (40, 2),
    "leaderboard/results/*/graphs/*": (10, 0.5),
    "leaderboard/results/*/*.jsonl": (40, 10),
    "leaderboard/results/*/*.parquet": (20, 4),
    "submissions/*": (60, 25),
    "*": (250, 26),
}


def main() -> int:
    """Print each group's size; 1 when one is above its limit."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    failed = 0
    for pattern, (together, each) in LIMITS.items():
        sizes = [(ROOT / p).stat().st_size / 1e6 for p in paths if p.match(pattern)]
        total, largest = sum(sizes), max(sizes, default=0.0)
        fits = total <= together and largest <= each
        failed |= not fits
        print(
            f"{pattern}: {total:.1f} of {together} MB, largest {largest:.1f} of {each} MB"
            f"{'' if fits else ': TOO LARGE, see CONTRIBUTING.md'}"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
