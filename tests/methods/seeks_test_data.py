"""Looks for test data by import, path, open file, /proc and network; its cause names finds."""

import contextlib
import gc
import os
import socket
from pathlib import Path

import numpy as np
from torch import nn

from harness import Compression, Method, data, registry
from harness.errors import DataError


def solve(problem: Compression) -> nn.Module:
    found = []
    for top in ("/work", "/tmp", "/root", "/home", "/mnt", "/srv", "/var", "/dev/shm"):
        for folder, _, files in os.walk(top):
            if "site-packages" in folder:
                continue
            found += [f"{folder}/{f}" for f in files if "/test/" in f"{folder}/" and ".npy" in f]
            found += [f"{folder}/{f}" for f in files if "t10k" in f or "test_batch" in f]
            found += [f"{folder}/{f}" for f in files if "predictions" in folder and ".npz" in f]
    for name in registry.datasets():
        with contextlib.suppress(DataError, OSError):
            found.append(f"imported: {len(data.load_split(data.cache_folder() / name, 'test'))}")
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(descriptor.readlink())
            inside = "/test/" in target or target.endswith((".npz", ".jsonl"))
            found += [f"descriptor {target}"] if inside else []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name not in (str(os.getpid()), "self"):
            found.append(f"process {process.name}")
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
        found.append("network")
    except ConnectionRefusedError:
        found.append("network: loopback of the host")
    except OSError:
        pass
    sizes = [
        o.shape for o in gc.get_objects() if isinstance(o, np.ndarray) and o.ndim and len(o) == 512
    ]
    raise LookupError(f"found {found + sizes}")


METHOD = Method(
    name="seeks_test_data",
    version=1,
    solves=Compression,
    solve=solve,
    settings=({},),
    source="test",
)
