"""Fails when runs made here differ from the published records of equal key; run by .ci/run.

python tests/published_again.py RESULTS

MACs and parameters must be equal; quality may differ by the numeric tolerance of another
instruction set, 0.3% of the examples.
"""

import sys
from pathlib import Path

from harness.record import RunRecord, read_records

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 0.003


def runs_of(folder: Path) -> dict[tuple[str, ...], RunRecord]:
    """Run records by task, method, setting, seed and scale."""
    rows = read_records(sorted(folder.glob("*/*.jsonl")))
    return {
        (r.task.name, str(r.task.version), r.method.name, str(r.setting), str(r.seed), r.scale): r
        for r in rows
        if isinstance(r, RunRecord)
    }


def main() -> int:
    """Compare; 1 when a row differs or there is none to compare with."""
    here, published = runs_of(Path(sys.argv[1])), runs_of(ROOT / "leaderboard" / "results")
    common = here.keys() & published.keys()
    failed = not common
    for key in sorted(common):
        new, old = here[key], published[key]
        same = new.counts == old.counts or (
            new.counts and old.counts and new.counts.macs == old.counts.macs
        )
        close = abs((new.quality_test or 0) - (old.quality_test or 0)) <= TOLERANCE
        failed |= not (same and close)
        print(f"{' '.join(key)}: {new.quality_test} here, {old.quality_test} published")
    print("reproduced" if not failed else "NOT REPRODUCED, or nothing to compare")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
