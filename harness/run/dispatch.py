"""Work on a Ray cluster, a bounded number of tasks at a time, with what is lost tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from harness.run import process

MOST_TRIES = 3
WINDOW, LEAST_WINDOW = 2, 4  # tasks given to Ray ahead: so many a slot, at least so many
POLL_SECONDS = 1.0
Item = TypeVar("Item")


def dispatch(
    ray: Any,
    waiting: list[Item],
    submit: Callable[[Item], Any],
    watch: Callable[[int], object] = lambda running: None,
) -> Iterator[tuple[Item, Any]]:
    """Give the items to Ray, a few more than it has slots, and yield (item, result or error).

    Items may be appended to `waiting` meanwhile. An item whose process, node or store is lost is
    submitted again, MOST_TRIES times in all. `watch` hears how many are under way. Raises
    InterruptedError when the user stops.
    """
    flying: dict[Any, tuple[Item, int]] = {}
    taken = 0
    try:
        while True:
            slots = int(ray.cluster_resources().get("CPU", 1))
            window = max(LEAST_WINDOW, WINDOW * slots)
            while len(flying) < window and taken < len(waiting):
                flying[submit(waiting[taken])] = (waiting[taken], 1)
                taken += 1
            if not flying:
                return
            watch(min(slots, len(flying)))
            ready, _ = ray.wait(list(flying), num_returns=len(flying), timeout=0)
            if not ready:
                ready, _ = ray.wait(list(flying), num_returns=1, timeout=POLL_SECONDS)
            if process.stopping():
                raise InterruptedError("stopped by the user")
            for reference in ready:
                item, tries = flying.pop(reference)
                try:
                    yield item, ray.get(reference)
                except ray.exceptions.RayError as error:
                    if tries >= MOST_TRIES:
                        yield item, error
                    else:
                        flying[submit(item)] = (item, tries + 1)
    finally:
        for reference in flying:
            ray.cancel(reference, force=True)
