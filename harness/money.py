"""What a model costs to serve: a profile's price and a latency to US dollars, intervals kept."""

from __future__ import annotations

import math
from collections.abc import Callable

from harness.errors import UsageError
from harness.paired import Interval

SECONDS_PER_HOUR = 3600
HOURS_PER_MONTH = 730


def cost_per_million(price_per_hour_usd: float, latency_ms: Interval) -> Interval:
    """US dollars for a million requests served one after the other on a machine kept busy."""
    per_ms = price_per_hour_usd * 1e6 / (SECONDS_PER_HOUR * 1000)
    return _carried(latency_ms, lambda latency: per_ms * latency)


def cost_per_month(
    price_per_hour_usd: float,
    latency_ms: Interval,
    requests_per_second: float,
    utilisation: float = 0.7,
) -> Interval:
    """US dollars for a month of 730 hours on as many whole machines as the rate needs.

    Each machine is planned to be busy for the share `utilisation` in (0, 1] of the time.
    Raises UsageError when the rate or the share is out of range.
    """
    if not 0 < utilisation <= 1 or requests_per_second < 0:
        raise UsageError(
            f"{requests_per_second} requests a second at utilisation {utilisation}: the rate must "
            "be >= 0 and the utilisation in (0, 1]"
        )

    def monthly(latency: float) -> float:
        if math.isinf(latency):
            return math.inf
        machines = max(1, math.ceil(requests_per_second * latency / 1000 / utilisation))
        return machines * price_per_hour_usd * HOURS_PER_MONTH

    return _carried(latency_ms, monthly)


def requests_per_second(
    price_per_hour_usd: float, latency_ms: float, usd_per_month: float, utilisation: float = 0.7
) -> float:
    """The rate that a month's money serves, as `cost_per_month` counts but for whole machines."""
    machines = usd_per_month / (price_per_hour_usd * HOURS_PER_MONTH)
    return machines * utilisation * 1000 / latency_ms


def _carried(interval: Interval, price: Callable[[float], float]) -> Interval:
    return Interval(price(interval.value), price(interval.low), price(interval.high))
