"""The filter is tried from inside: what is denied fails, what a model needs goes on."""

import subprocess
import sys

TRY = """
import os, socket, threading, subprocess
from harness.run import seccomp
refused = seccomp.deny(programs={programs})
print("refused", refused)
def attempt(name, action):
    try:
        action()
        print(name, "done")
    except OSError as error:
        print(name, "denied")
attempt("socket", lambda: socket.socket())
attempt("fork", lambda: os._exit(0) if os.fork() == 0 else os.wait())
attempt("program", lambda: subprocess.run(["true"], check=True))
attempt("thread", lambda: [t.start() or t.join() for t in [threading.Thread(target=int)]])
attempt("file", lambda: open("/dev/null").close())
"""


def outcome(programs: bool) -> dict[str, str]:
    code = TRY.format(programs=programs)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def test_network_and_programs_are_denied_and_threads_and_files_are_not():
    assert outcome(programs=True) == {
        "refused": "None",
        "socket": "denied",
        "fork": "denied",
        "program": "denied",
        "thread": "done",
        "file": "done",
    }


def test_the_timing_process_may_start_its_workers_but_has_no_network():
    found = outcome(programs=False)
    assert (found["socket"], found["program"], found["fork"]) == ("denied", "done", "done")
