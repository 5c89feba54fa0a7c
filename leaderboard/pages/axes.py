"""Where values fall in a plot: a logarithmic cost axis and a linear quality axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 960, 440
LEFT, RIGHT, TOP, BOTTOM = 60, 18, 18, 50
SHOWN_LOSS = 0.07  # quality below (1 - this) of the reference is drawn at the lower edge


@dataclass(frozen=True)
class Axes:
    """Ranges of cost (log) and quality (linear) mapped to pixels."""

    cost_low: float
    cost_high: float
    quality_low: float
    quality_high: float

    def x(self, cost: float) -> float:
        """Pixels from the left; a cost of 0, as of counting clicks in MACs, is on the left edge."""
        if cost <= 0:
            return float(LEFT)
        span = math.log(self.cost_high / self.cost_low)
        place = math.log(cost / self.cost_low) / span
        return round(LEFT + place * (WIDTH - LEFT - RIGHT), 1)

    def y(self, quality: float) -> float:
        """Pixels from the top; values below the range lie on the lower edge."""
        span = self.quality_high - self.quality_low
        place = (min(max(quality, self.quality_low), self.quality_high) - self.quality_low) / span
        return round(HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM), 1)

    def is_below(self, quality: float) -> bool:
        """Whether a quality is under the drawn range."""
        return quality < self.quality_low


def axes_for(costs: Sequence[float], qualities: Sequence[float], reference: float | None) -> Axes:
    """Ranges that hold all costs, and the qualities not too far below the reference."""
    paid = [cost for cost in costs if cost > 0] or [1.0]
    cost_low, cost_high = min(paid), max(paid)
    top, bottom = max(qualities), min(qualities)
    if reference is not None:
        top = max(top, reference)
        bottom = max(bottom, min(reference * (1 - SHOWN_LOSS), top))
    pad = max((top - bottom) * 0.08, abs(top) * 0.005, 1e-9)
    ratio = max(cost_high / cost_low, 2.0)
    middle = math.sqrt(cost_low * cost_high)
    half = math.sqrt(ratio) * ratio**0.06
    return Axes(middle / half, middle * half, bottom - pad, top + 1.8 * pad)


def cost_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 times powers of ten within the range; only powers over many decades, more in few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        found = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
        if len(found) >= 4 or (len(found) == 3 and len(steps) > 1):
            break
    return found


def quality_ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round values, about `wanted` of them, within the range."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw)
    first = math.ceil(low / step)
    return [n * step for n in range(first, math.floor(high / step) + 1)]
