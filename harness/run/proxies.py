"""Zero-cost scores of a space's architectures, computed beforehand and sold for what they cost.

The file is safetensors: `values` float64 and `seconds` float32 (proxies, networks), and `network`
int16, the column of each architecture in the order of `Space.all()`, -1 where input and output are
not connected. Its metadata names the proxies and says how they were computed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import DataError, UsageError


@dataclass(frozen=True)
class Proxies:
    """Scores and CPU seconds by proxy and network, and the network of each architecture's number.

    In the log of a search a purchase is a negative number: see `entries`.
    """

    names: tuple[str, ...]
    values: np.ndarray
    seconds: np.ndarray
    network: np.ndarray

    def scores(self, name: str, numbers: np.ndarray) -> np.ndarray:
        """Scores float64 (n,) of architectures by number; -inf without a path to the output."""
        networks = self.network[numbers]
        found: np.ndarray = self.values[self._place(name)][networks]
        found[networks < 0] = -np.inf
        return found

    def entries(self, name: str, numbers: np.ndarray | None) -> np.ndarray:
        """What the log says of a purchase, int64 (n,): one entry a network, one for all of them."""
        count = self.values.shape[1]
        networks = np.array([count]) if numbers is None else np.unique(self.network[numbers])
        found: np.ndarray = -1 - (self._place(name) * (count + 1) + networks[networks >= 0])
        return found

    def price(self, entries: np.ndarray) -> np.ndarray:
        """CPU seconds float64 (n,) of entries. Raises UsageError for one that is none."""
        whole = np.append(self.seconds, self.seconds.sum(axis=1, keepdims=True), axis=1).ravel()
        places = -1 - entries
        if len(places) and not 0 <= places.min() <= places.max() < len(whole):
            raise UsageError("the log of queries was changed: it names scores that do not exist")
        found: np.ndarray = whole[places]
        return found

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise UsageError(f"no proxy is named '{name}'; there are {', '.join(self.names)}")
        return self.names.index(name)


def load(path: Path, architectures: int) -> Proxies:
    """The scores of a space of so many architectures. Raises DataError when the file is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = tuple(json.loads(file.metadata()["proxies"]))
            values, seconds, network = (
                file.get_tensor(name) for name in ("values", "seconds", "network")
            )
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is no whole file of scores ({error}); restore it from git"
        ) from None
    shape = (len(names), values.shape[-1])
    fits = values.shape == seconds.shape == shape and network.shape == (architectures,)
    if not fits or network.max() >= shape[1] or seconds.min() < 0:
        raise DataError(f"{path} has scores of another space; restore it from git")
    return Proxies(names, values, seconds.astype(np.float64), network.astype(np.int64))
