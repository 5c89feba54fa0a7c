"""Looks for test data by import, path, /proc and network; its cause tells what it found."""

import gc
import os
import socket
from pathlib import Path

import numpy as np
from torch import nn

from harness import Compression, Method


def solve(problem: Compression) -> nn.Module:
    found = []
    for top in ("/work", "/tmp", "/root", "/home", "/mnt", "/srv", "/var", "/dev/shm"):
        for folder, _, files in os.walk(top):
            if "site-packages" in folder:
                continue
            found += [f"{folder}/{f}" for f in files if "/test/" in f"{folder}/" and ".npy" in f]
            found += [f"{folder}/{f}" for f in files if "t10k" in f or "test_batch" in f]
            found += [f"{folder}/{f}" for f in files if "predictions" in folder and ".npz" in f]
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
