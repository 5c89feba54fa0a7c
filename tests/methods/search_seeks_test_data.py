"""Looks for test values by path, /proc, memory and network; its cause tells what it found."""

import gc
import os
import socket
from pathlib import Path

import numpy as np

from harness import Method, Search


def solve(problem: Search) -> tuple[int, ...]:
    found = []
    for top in ("/work", "/tmp", "/root", "/home", "/mnt", "/srv", "/var", "/dev/shm"):
        for folder, _, files in os.walk(top):
            if "site-packages" in folder:
                continue
            found += [f"{folder}/{f}" for f in files if f.endswith((".npy", ".npz", ".parquet"))]
    for process in Path("/proc").glob("[0-9]*"):
        words = (process / "cmdline").read_bytes()
        if b"pytest" in words or b"slimbench" in words:
            found.append(f"process {words!r}")
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
        found.append("network")
    except ConnectionRefusedError:
        found.append("network: loopback of the host")
    except OSError:
        pass
    names = [name for one in gc.get_objects() if isinstance(one, dict) for name in list(one)]
    found += sorted(
        {name for name in names if isinstance(name, str) and name.startswith("input_cifar")}
    )
    arrays = [one for one in gc.get_objects() if isinstance(one, np.ndarray)]
    raise LookupError(f"found {found} in {'some' if arrays or problem else 'no'} memory")


METHOD = Method(
    name="search_seeks_test_data",
    version=1,
    solves=Search,
    solve=solve,
    settings=({},),
    source="test",
)
