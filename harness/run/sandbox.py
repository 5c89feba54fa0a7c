"""What a method's process may see: its inputs and the interpreter, no network, no other process.

Linux namespaces by the unshare system call: a new root is built from bind mounts of the few
folders that are needed. Where the system refuses, the run goes on and is labelled `none`; such
rows are not published.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from harness import environment

CLONE_NEWNS, CLONE_NEWIPC = 0x00020000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MS_NOSUID, MS_NODEV = 2, 4
MNT_DETACH = 2
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
PROGRAM = ("harness", "tasks", "baselines")  # folders of the repository that a method needs
LARGEST_FILE_BYTES = 300 * 10**6
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/sys", "/dev")

_libc = ctypes.CDLL(None, use_errno=True)


def available() -> str | None:
    """None when a sandbox can be made here, otherwise why not."""
    process = os.fork()
    if process == 0:
        try:
            _own_namespaces()
            _mount("none", Path("/"), MS_REC | MS_PRIVATE)
        except OSError as error:
            os._exit(min(255, error.errno or 255))
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return None if code == 0 else f"namespaces are refused ({os.strerror(code)})"


def enter(
    program: Iterable[Path],
    hidden: Iterable[Path],
    read_only: Iterable[Path],
    writable: Iterable[Path],
    owner: int,
) -> str:
    """Move this process into a sandbox and return `namespaces`, or `none` where refused.

    `program` is what the code needs, `hidden` the folders in it that become empty; `read_only`
    and `writable` are added last and may lie below a hidden folder.

    Must be called in a process of one thread. The caller goes on in a child that is process 1 of
    its own namespace; the original process waits for it and takes over its exit status.
    """
    if available() is not None:
        return "none"
    try:
        command = os.pidfd_open(owner)
    except ProcessLookupError:
        os._exit(1)
    _own_namespaces()
    process = os.fork()
    if process:
        _wait_for(process, command)
    os.close(command)
    environment.die_with_parent()
    _build_root(program, hidden, read_only, writable)
    return "namespaces"


def _own_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    _unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _wait_for(process: int, command: int) -> None:
    """End as `process` ends; kill it when the `command` (its pidfd) has ended, reaped or not."""
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
        if select.select([command], [], [], 0.05)[0]:
            os.kill(process, signal.SIGKILL)


def _build_root(
    program: Iterable[Path],
    hidden: Iterable[Path],
    read_only: Iterable[Path],
    writable: Iterable[Path],
) -> None:
    root = Path(tempfile.gettempdir()) / "slimbench-root"  # each run mounts its own on it
    root.mkdir(exist_ok=True)
    _mount("none", Path("/"), MS_REC | MS_PRIVATE)
    _mount("tmpfs", root, MS_NOSUID | MS_NODEV, "tmpfs", "size=4g")
    interpreter = {Path(sys.prefix), Path(sys.base_prefix)}
    for source in sorted({*map(Path, SYSTEM), *interpreter, *program}):
        _bind(source, root, readable_only=True)
    for source in hidden:
        if (root / source.relative_to("/")).is_dir():
            _mount(
                "tmpfs", root / source.relative_to("/"), MS_NOSUID | MS_NODEV, "tmpfs", "size=1m"
            )
    for source in read_only:
        _bind(source, root, readable_only=True)
    for source in writable:
        _bind(source, root, readable_only=False)
    (root / "proc").mkdir(exist_ok=True)
    (root / "tmp").mkdir(exist_ok=True)
    with contextlib.suppress(OSError):  # an empty /proc hides other processes as well
        _mount("proc", root / "proc", MS_NOSUID | MS_NODEV, "proc")
    old = root / "old_root"
    old.mkdir()
    _pivot_root(root, old)
    os.chdir("/")
    _check(_libc.umount2(b"/old_root", MNT_DETACH))
    Path("/old_root").rmdir()


def _bind(source: Path, root: Path, *, readable_only: bool) -> None:
    if not source.exists():
        return
    target = root / source.relative_to("/")
    if readable_only and target.exists():
        return  # lies in a folder that is bound already
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _mount(str(source), target, MS_BIND | MS_REC)
    if readable_only and source not in (Path("/dev"), Path("/sys")):
        _mount("none", target, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID)


def _mount(source: str, target: Path, flags: int, kind: str | None = None, data: str = "") -> None:
    _check(
        _libc.mount(
            source.encode(),
            str(target).encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        ),
        target,
    )


def _pivot_root(root: Path, old: Path) -> None:
    number = SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(number, str(root).encode(), str(old).encode()), root)


def _unshare(flags: int) -> None:
    _check(_libc.unshare(flags))


def _check(result: int, subject: object = "") -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(subject))


def redirect_output(path: Path) -> None:
    """Send what this process prints to a file, and give it nothing to read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
