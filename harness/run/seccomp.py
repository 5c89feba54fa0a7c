"""A filter on system calls for processes that open files of strangers: no network, no programs.

It needs no privilege, so it also holds where user namespaces are refused, as in many containers.
Source: linux/Documentation/userspace-api/seccomp_filter.rst; numbers from asm/unistd_64.h
(x86-64) and asm-generic/unistd.h (arm64).
"""

from __future__ import annotations

import ctypes
import os
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = 1, 38
LOAD, EQUAL, GREATER_OR_EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets into struct seccomp_data
CLONE_THREAD = 0x00010000
X32 = 0x40000000
CLONE3 = 435  # the same everywhere; its flags lie in memory, out of a filter's sight

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Network, other processes, mounts, kernel: never needed to run a model.
DENIED = {
    "x86_64": (
        *(41, 42, 43, 44, 46, 49, 50, 288, 425),  # sockets, io_uring
        *(101, 310, 311, 298, 321, 323, 248, 249, 250, 304),  # ptrace to open_by_handle_at
        *(155, 161, 165, 166, 272, 308, 428, 429, 430, 442),  # roots, mounts, namespaces
        *(167, 169, 175, 176, 246, 313, 320),  # swap, reboot, modules, kexec
    ),
    "aarch64": (
        *(198, 200, 201, 202, 203, 206, 211, 242, 425),
        *(117, 270, 271, 241, 280, 282, 217, 218, 219, 265),
        *(39, 40, 41, 51, 97, 268, 428, 429, 430, 442),
        *(104, 105, 106, 142, 224, 273, 294),
    ),
}
PROGRAMS = {"x86_64": (57, 58, 59, 322), "aarch64": (221, 281)}  # fork, vfork, execve, execveat
CLONE = {"x86_64": 56, "aarch64": 220}

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def deny(*, programs: bool) -> str | None:
    """Filter this process and all it starts; None when it holds, otherwise why not.

    With `programs` new processes are denied as well; threads stay allowed.
    """
    machine = os.uname().machine
    if machine not in AUDIT:
        return f"no system-call numbers are known for {machine}"
    code = b"".join(_instructions(machine, programs))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p).value)
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or _libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        return os.strerror(ctypes.get_errno())
    return None


def _instructions(machine: str, programs: bool) -> list[bytes]:
    code = [
        _step(LOAD, 0, 0, ARCHITECTURE),
        _step(EQUAL, 1, 0, AUDIT[machine]),
        _step(RETURN, 0, 0, KILL),
        _step(LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        code += [_step(GREATER_OR_EQUAL, 0, 1, X32), _step(RETURN, 0, 0, ERROR | EPERM)]
    denied = DENIED[machine] + (PROGRAMS[machine] if programs else ())
    for number in denied:
        code += [_step(EQUAL, 0, 1, number), _step(RETURN, 0, 0, ERROR | EPERM)]
    if programs:  # without clone3 the C library starts its threads by clone
        code += [_step(EQUAL, 0, 1, CLONE3), _step(RETURN, 0, 0, ERROR | ENOSYS)]
        code += [
            _step(EQUAL, 0, 3, CLONE[machine]),
            _step(LOAD, 0, 0, FIRST_ARGUMENT),
            _step(ANY_BIT, 1, 0, CLONE_THREAD),
            _step(RETURN, 0, 0, ERROR | EPERM),
        ]
    return [*code, _step(RETURN, 0, 0, ALLOW)]


def _step(operation: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", operation, if_true, if_false, value)
