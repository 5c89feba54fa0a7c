"""Whether a claimed speed-up stands beside the one measured here, from the raw blocks of both.

Both are ratios to the same anchor, so the machines' speeds cancel; what is left is that process
starts differ. A claim is refused when it is better than ours beyond both intervals (99.9%,
one-sided) and a margin for another machine of the same profile. A claim that is too modest stands.
tests/harness/submit/test_latency.py resamples recorded blocks: how often honest claims are
refused, and claims 10% too good are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.paired import Blocks, Interval, speedup
from harness.record_submission import ClaimBlock

MARGIN = 0.02  # of the speed-up
ONE_SIDED = 3.09 / 1.96  # from the 95% two-sided range to 99.9% one-sided
WIDEST = 0.05  # half-width above which a range says nothing about 10%
NAME = "speedup"


def judge(claimed: Sequence[Blocks], found: Sequence[Blocks]) -> ClaimBlock:
    """The verdict on a claimed speed-up; `claimed` and `found` hold raw blocks by process start."""
    theirs, ours = speedup(claimed), speedup(found)

    def verdict(word: str, why: str) -> ClaimBlock:
        values = {"claimed": theirs.value, "recomputed": ours.value}
        return ClaimBlock(name=NAME, **values, verdict=word, why=why)

    spread = ONE_SIDED * math.hypot(_half_width(theirs), _half_width(ours))
    excess = math.log(theirs.value / ours.value)
    limit = spread + MARGIN
    if excess > limit:
        return verdict(
            "refused",
            f"{math.expm1(excess):.1%} faster than measured here; both ranges and the margin "
            f"allow {math.expm1(limit):.1%}",
        )
    for interval, whose in ((theirs, "claimed"), (ours, "measured")):
        if _half_width(interval) > WIDEST:
            return verdict("unchecked", f"the {whose} speed-up is not settled{_shown(interval)}")
    return verdict("accepted", f"within {math.expm1(limit):.1%} of ours; ours is published")


def _half_width(interval: Interval) -> float:
    """Half the 95% range of the logarithm; infinite for a single process start."""
    return math.log(interval.high / interval.value) if interval.low > 0 else math.inf


def _shown(interval: Interval) -> str:
    return f" (95% range {interval.low:.2f} to {interval.high:.2f}); ours is published once it is"
