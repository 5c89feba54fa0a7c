"""A Ray cluster: where it is, how it is reached, and whether its nodes are alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.errors import SlimbenchError, UsageError
from harness.run import cell
from harness.run.dispatch import MOST_TRIES


@dataclass(frozen=True)
class Cluster:
    """Where to run: `address` as for ray.init (None starts Ray here), `store` any fsspec URL."""

    store: str
    address: str | None = None
    gpus_per_run: float = 0.0
    profile: str | None = None


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, joined at an address or started on this machine; left as it was found.

    Raises UsageError when Ray is not installed, SlimbenchError when no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise UsageError("--engine ray needs Ray: pip install 'slimbench[ray]'") from None
    joined = ray.is_initialized()
    if not joined:
        try:
            ray.init(address=address or "local", log_to_driver=False, include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise SlimbenchError(f"no Ray cluster answers at {address}: {error}") from None
    try:
        yield ray
    finally:
        if not joined:
            ray.shutdown()


def check_nodes(ray: Any) -> None:
    """Raise UsageError unless every node has our code and computes in our number format."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    probe = ray.remote(num_cpus=0, max_retries=MOST_TRIES)(cell.facts)
    alive: Iterable[dict[str, Any]] = (node for node in ray.nodes() if node["Alive"])
    asked = {
        node["NodeManagerHostname"] + " " + node["NodeID"][:8]: probe.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in alive
    }
    here = cell.facts()
    for name, reference in asked.items():
        there = ray.get(reference)
        if there != here:
            raise UsageError(
                f"node {name} has {there}, this machine {here}: install the same slimbench on "
                "processors of one class on every node"
            )
