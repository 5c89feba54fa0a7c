"""Measuring an artifact on a fixed profile, paired with the profile's own anchor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.measure.profile import Profile
    from harness.record import MeasurementRecord

__all__ = ["measure"]


def measure(
    entry: Path,
    anchor: Path,
    profile: Profile,
    inputs: Mapping[str, np.ndarray],
    expected: list[np.ndarray] | None,
    *,
    task: str,
    task_version: int,
    cap_seconds: float = 60,
    quick: bool = False,
    throughput_batch: int | None = None,
    mask: str | None = None,
) -> MeasurementRecord:
    """Time `entry` and `anchor` alternately in fresh processes on the profile's runtime.

    `inputs`: {name: (n, *shape)}, real requests, given one by one; `expected`: what was scored for
    them, raw outputs (n, ...) or integer labels (n,), or None for no check. At most `cap_seconds`
    on a settled schedule, 1 s if `quick`. `throughput_batch` replaces the profile's. With `mask`,
    the input that is 1 where a request has something, the entry gets each request cut to its own
    length, the anchor as it is. A model that cannot be timed is a record with a status
    and a cause. Raises UsageError for arguments that are wrong in themselves.
    """
    from harness.measure.protocol import Session  # the timing workers import this package too

    session = Session(
        entry,
        anchor,
        profile,
        dict(inputs),
        expected,
        cap_seconds,
        quick,
        throughput_batch or profile.throughput_batch,
        mask,
    )
    return session.record(task, task_version)
