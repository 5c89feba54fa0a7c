"""Transactions of the generated fraud data: amounts, times, places, merchants, devices.

Source of the figures: quantiles and shares of the ULB credit-card set (Dal Pozzolo et al. 2015,
doi:10.1109/SSCI.2015.33) and of IEEE-CIS (Vesta 2019), computed from their published tables. What
has no published figure is marked as an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NUMBERS = (
    "amount",  # EUR
    "hour",  # of the day, in [0, 24)
    "gap",  # seconds since the account's transaction before
    "count",  # transactions of the account in the last 24 hours
    "usual_amount",  # EUR, median of the account's last 30 days
    "account_age",  # days
    "distance",  # km from where the account usually pays
    "limit_used",  # share of the account's limit, in [0, 1]
)
LINEAR = (1, 7)  # columns of NUMBERS that are no magnitudes: the hour, the share of the limit
MEANS = (3.0, 0.5, 10.0, 0.8, 3.0, 6.0, 1.8, 0.35)  # after the logarithm, of honest requests
SCALES = (1.6, 0.25, 3.0, 0.8, 1.6, 1.4, 1.3, 0.2)
CATEGORIES = {"merchant": 24, "country": 24, "device": 4, "channel": 5, "currency": 6}  # 0: unknown

SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)  # ULB, quantiles given for these shares
LEGITIMATE_AMOUNTS = (0.5, 5, 22, 77, 202, 367, 1008, 3000)  # EUR, ULB; the smallest assumed
FRAUD_AMOUNTS = (1, 1, 9.82, 105.89, 348.65, 656, 1364, 1977)  # EUR, ULB
EXACTLY_ONE = 0.222  # share of card frauds of exactly 1.00 EUR (card testing), ULB
NIGHT_LEGITIMATE, NIGHT_FRAUD = 0.076, 0.243  # share within hours 0-6, ULB
GAP_SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 1.0)
FRAUD_GAPS = (5, 37, 97, 158, 569, 37_733, 300_000)  # s, fraud-only online shop set; ends assumed
GAP_EXPONENT = 1.5  # density of legitimate gaps, power law of exponent 1 to 2
GAP_LEAST, GAP_MOST = 600.0, 60 * 86_400.0  # s, assumed
DEVICE_TRAFFIC = np.array([0.20, 0.35, 0.45])  # no record, mobile, desktop: assumed
DEVICE_FRAUD = np.array([0.016, 0.082, 0.033])  # fraud rate of each, IEEE-CIS
MERCHANT_TRAFFIC = 1 / np.arange(1, 24) ** 0.8  # Zipf-like, assumed
RISKY_MERCHANTS = (17, 18, 19, 20, 21, 22)  # the rare ones draw more fraud: assumed
ODD = 0.15  # chance that an odd-looking request shows each mark of a stolen card: assumed
FOLLOWS = 0.9  # of stolen cards, after another fraud on the same account: assumed
HONESTLY_ODD = 0.7  # that it shows a mark of its own, a large amount or the night: assumed


@dataclass(frozen=True)
class Transactions:
    """`numbers` float32 (n, 8) in the order of NUMBERS, `categories` int64 (n, 5)."""

    numbers: np.ndarray
    categories: np.ndarray


def amounts(random: np.random.Generator, quantiles: tuple[float, ...], count: int) -> np.ndarray:
    """Amounts float64 (count,) in EUR whose quantiles at SHARES are as given, to the cent."""
    shares = random.random(count)
    logs = np.interp(shares, (*SHARES, 1.0), np.log((*quantiles, 1.5 * quantiles[-1])))
    return np.round(np.exp(logs), 2)


def card_fraud_amounts(random: np.random.Generator, drift: np.ndarray) -> np.ndarray:
    """Amounts (n,) of stolen cards: tests of exactly 1.00, then cash-out; tests grow rarer."""
    found = amounts(random, FRAUD_AMOUNTS, len(drift))
    cashed = np.maximum(
        1.01, amounts(random, (1.01, 20, 80, 180, 420, 700, 1400, 2000), len(drift))
    )
    found = np.where(found <= 1.0, cashed, found)
    return np.where(random.random(len(drift)) < EXACTLY_ONE * (1 - 0.6 * drift), 1.0, found)


def hours(random: np.random.Generator, night: np.ndarray) -> np.ndarray:
    """Hour of the day (n,): within 0-6 with chance `night` (n,), else around noon and evening."""
    peak = np.where(random.random(len(night)) < 0.5, 12.5, 18.5)
    day = 6 + (random.normal(peak, 3.0) - 6) % 18
    return np.where(random.random(len(night)) < night, 6 * random.random(len(night)), day)


def legitimate_gaps(random: np.random.Generator, count: int) -> np.ndarray:
    """Seconds (count,) between transactions of one account: a power law with both ends cut."""
    power = 1 - GAP_EXPONENT
    low, high = GAP_LEAST**power, GAP_MOST**power
    return np.asarray((low + random.random(count) * (high - low)) ** (1 / power))


def fraud_gaps(random: np.random.Generator, count: int) -> np.ndarray:
    """Seconds (count,) between frauds on one account: bursts, 158 s in the median."""
    return np.exp(np.interp(random.random(count), GAP_SHARES, np.log(FRAUD_GAPS)))


def transactions(
    random: np.random.Generator, evidence: np.ndarray, drift: np.ndarray
) -> Transactions:
    """Transactions that show `evidence` (n,): 0 none, 1 as some honest ones do, 2 a stolen card.

    `drift` (n,) in [0, 1] is the position in time between training and the end of the test.
    """
    count = len(evidence)
    odd, stolen = evidence == 1, evidence == 2

    def shows(share: float) -> np.ndarray:
        """Which requests show one oddity: `share` of the stolen cards, ODD of the odd ones."""
        chance = np.where(stolen, share, np.where(odd, ODD, 0.0))
        return np.asarray(random.random(count) < chance)

    inflation = 1 + 0.1 * drift  # amounts of everybody grow, assumed
    usual = amounts(random, LEGITIMATE_AMOUNTS, count)
    amount = np.round(amounts(random, LEGITIMATE_AMOUNTS, count) * inflation, 2)
    amount = np.where(stolen, card_fraud_amounts(random, drift), amount)
    large = odd & (random.random(count) < HONESTLY_ODD)
    amount = np.where(large, np.round(amount * random.uniform(3, 8, count), 2), amount)
    night = np.where(stolen, NIGHT_FRAUD, NIGHT_LEGITIMATE)
    night = np.where(odd, HONESTLY_ODD, night)
    gap = np.where(shows(FOLLOWS), fraud_gaps(random, count), legitimate_gaps(random, count))
    burst = random.poisson(np.where(gap < 1200, 3.0, 0.0))
    far = shows(0.7)
    numbers = {
        "amount": amount,
        "hour": hours(random, night),
        "gap": gap,
        "count": burst + random.poisson(np.minimum(3.0, 86_400 / gap / 8)),
        "usual_amount": usual,
        "account_age": np.exp(random.normal(np.where(shows(0.6), 3.5, 6.2), 1.1)),
        "distance": np.exp(random.normal(np.where(far, 6.0, 1.6), 1.3)),
        "limit_used": random.beta(np.where(shows(0.7), 5.0, 1.5), 3.0),
    }
    categories = {
        "merchant": _merchants(random, shows(0.75), drift),
        "country": np.where(far, random.integers(2, 24, count), 1 + random.poisson(0.3, count)),
        "device": _devices(random, stolen | odd),
        "channel": 1 + random.choice(4, count, p=[0.5, 0.3, 0.15, 0.05]),
        "currency": np.where(far & (random.random(count) < 0.6), random.integers(2, 6, count), 1),
    }
    return Transactions(
        np.stack([numbers[name] for name in NUMBERS], axis=1).astype(np.float32),
        np.stack([categories[name] for name in CATEGORIES], axis=1).astype(np.int64),
    )


def _merchants(random: np.random.Generator, risky: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """Categories 1 to 23; the risky ones of fraud move on by one with time."""
    usual = 1 + random.choice(23, len(risky), p=MERCHANT_TRAFFIC / MERCHANT_TRAFFIC.sum())
    moved = random.choice(RISKY_MERCHANTS, len(risky)) + (random.random(len(risky)) < drift)
    return np.where(risky, moved, usual)


def _devices(random: np.random.Generator, suspicious: np.ndarray) -> np.ndarray:
    """1 no record, 2 mobile, 3 desktop; by Bayes' rule from traffic and fraud rate of each."""
    fraud = DEVICE_TRAFFIC * DEVICE_FRAUD
    usual = random.choice(3, len(suspicious), p=DEVICE_TRAFFIC)
    return 1 + np.where(suspicious, random.choice(3, len(suspicious), p=fraud / fraud.sum()), usual)
