import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.errors import SlimbenchError
from harness.measure.lock import folder, measuring, paused_seconds, training_child


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


def stopped(pid):
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


def eventually(wanted, pid):
    """A signal takes effect when the kernel next schedules the process."""
    end = time.monotonic() + 5
    while stopped(pid) is not wanted and time.monotonic() < end:
        time.sleep(0.01)
    return stopped(pid) is wanted


def test_registered_training_stands_still_while_measuring(child):
    with training_child(child.pid):
        with measuring():
            assert eventually(True, child.pid)
            time.sleep(0.1)
        assert eventually(False, child.pid)
        assert 0.1 <= paused_seconds(child.pid) < 5


def test_other_processes_go_on(child):
    with measuring():
        assert eventually(False, child.pid)
    assert paused_seconds(child.pid) == 0


def test_a_process_does_not_stop_itself():
    with training_child(os.getpid()), measuring():
        assert True


def test_training_goes_on_when_measuring_fails(child):
    with training_child(child.pid):
        with pytest.raises(KeyError), measuring():
            raise KeyError
        assert eventually(False, child.pid)


def test_a_registration_left_by_a_dead_process_is_dropped(child):
    with training_child(child.pid):
        child.kill()
        child.wait()
        with measuring():
            assert not list(folder().glob("*.training"))


def test_only_one_measurement_at_a_time():
    code = (
        "import time\nfrom harness.measure.lock import measuring\n"
        "with measuring():\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        with pytest.raises(SlimbenchError, match="another measurement"), measuring(0.2):
            pass
    finally:
        other.kill()
        other.communicate()


def test_training_left_stopped_by_a_killed_measurement_is_woken(child):
    code = (
        "import time\nfrom harness.measure.lock import measuring\n"
        "with measuring():\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with training_child(child.pid):
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        other.stdout.readline()
        assert eventually(True, child.pid)
        assert paused_seconds(child.pid) > 0
        assert eventually(True, child.pid)
        other.kill()
        other.communicate()
        assert paused_seconds(child.pid) > 0
        assert eventually(False, child.pid)


def test_the_lock_lies_where_the_environment_says():
    assert folder() == Path(os.environ["SLIMBENCH_LOCKS"])
