"""Children that end with their parent, silence that is a hang, and job objects of a system that refuses."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from segstudio.jobs.messages import Failed, Finished, Metric, Progress
from segstudio.jobs.processes import Silence, spawn
from segstudio.jobs.throttle import Throttle
from segstudio.jobs.windows_job import ExtendedLimits, JobObject


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _listen(silence: Silence, clock: Clock, seconds: int) -> bool:
    for _ in range(2 * seconds):
        clock.now += 0.5
        if silence.too_long():
            return True
    return False


def test_silence_is_a_hang_only_where_a_sign_of_life_is_expected() -> None:
    clock = Clock()
    silence = Silence(10, clock)
    assert not _listen(silence, clock, 100)
    silence.heard(more_to_come=False)
    assert not _listen(silence, clock, 100)
    silence.heard()
    assert not _listen(silence, clock, 9)
    silence.heard()
    assert not _listen(silence, clock, 9)
    assert _listen(silence, clock, 3)


def test_a_computer_that_slept_blames_nobody() -> None:
    clock = Clock()
    silence = Silence(10, clock)
    silence.heard()
    clock.now += 8 * 3600
    assert not silence.too_long()
    assert not _listen(silence, clock, 5)


FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
if sys.argv[1:]:
    raise SystemExit(1)
time.sleep(600)
"""


def _gone(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="there the job object does it")
@pytest.mark.parametrize("how", ["dies by itself", "is killed", "hangs"])
def test_the_children_of_a_child_end_with_it(how: str) -> None:
    hangs: list[bool] = []
    command = [sys.executable, "-c", FAMILY, *(["die"] if how == "dies by itself" else [])]
    child = spawn(command, subprocess.PIPE, lambda: bool(hangs))
    assert child.process.stdout is not None
    grandchild = int(child.process.stdout.readline())
    if how == "is killed":
        os.kill(child.process.pid, signal.SIGKILL)
    elif how == "hangs":
        hangs.append(True)
    assert _gone(grandchild, 5)
    assert _gone(child.process.pid, 5)
    child.process.stdout.close()


PARENT = """
import os, subprocess, sys, threading
from segstudio.jobs.processes import spawn

HEARS = '''
import os, sys, time
from pathlib import Path
from segstudio.jobs.processes import hear_of_parents_end
hear_of_parents_end(lambda: (Path(sys.argv[1]).write_text("heard"), os._exit(0)))
print(os.getpid(), flush=True)
time.sleep(600)
'''
box = []
command = [sys.executable, "-c", HEARS, sys.argv[1]]
starter = threading.Thread(target=lambda: box.append(spawn(command, subprocess.PIPE)))
starter.start()
starter.join()  # the thread that asked for the child is gone: that must not end it
print(box[0].process.stdout.readline().decode().strip(), flush=True)
sys.stdin.readline()
print("alive" if box[0].process.poll() is None else "dead", flush=True)
sys.stdin.readline()
os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell a child of its parent's end")
@pytest.mark.parametrize("stopped", [False, True])
def test_a_child_hears_of_the_end_of_the_process_not_of_the_thread_that_started_it(
    tmp_path: Path, stopped: bool
) -> None:
    note = tmp_path / "note"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PARENT, str(note)], stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.stdin.write("\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "alive\n"
        if stopped:
            os.kill(child, signal.SIGSTOP)
        parent.kill()
    assert _gone(child, 5)
    assert note.read_text() == "heard"


class Kernel:
    """Windows as far as jobs go; refuses the call named `refuses`."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.held: list[int] = []
        self.limits: list[int] = []
        self.closed: list[int] = []
        outer = self

        class Create:
            restype: Any = None

            def __call__(self, *_: object) -> int:
                return 0 if outer.refuses == "create" else 7

        self.CreateJobObjectW = Create()

    def SetInformationJobObject(self, job: Any, kind: int, data: Any, size: int) -> int:
        limits = data._obj
        assert isinstance(limits, ExtendedLimits)
        assert (kind, size, job.value) == (9, 144, 7)
        self.limits.append(limits.Basic.LimitFlags)
        return int(self.refuses != "limit")

    def AssignProcessToJobObject(self, job: Any, process: Any) -> int:
        self.held.append(process.value)
        return int(self.refuses != "assign")

    def CloseHandle(self, job: Any) -> int:
        self.closed.append(job.value)
        return 1


def test_a_job_object_ends_what_it_holds_unless_it_was_let_go() -> None:
    kernel = Kernel()
    job = JobObject.holding(kernel, 42)
    assert job is not None
    assert kernel.held == [42]
    assert kernel.limits == [0x2000]
    job.let_go()
    assert kernel.limits[-1] == 0
    job.close()
    job.close()
    assert kernel.closed == [7]


@pytest.mark.parametrize(("refuses", "closed"), [("create", []), ("limit", [7]), ("assign", [7])])
def test_a_system_that_refuses_a_job_object_bars_no_worker(refuses: str, closed: list[int]) -> None:
    kernel = Kernel(refuses)
    assert JobObject.holding(kernel, 42) is None
    assert kernel.closed == closed


def test_of_too_many_messages_most_are_dropped_but_no_end() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    progress = Progress(stage="Training", done=1, total=2)
    metric = Metric(epoch=1, step=1, elapsed_s=1, values={})
    assert sum(throttle.passes(progress) for _ in range(100_000)) == 20
    assert sum(throttle.passes(metric) for _ in range(100_000)) == 500
    assert throttle.passes(Finished(outcome="done"))
    assert throttle.passes(Failed(code="a", message="b"))
    clock.now += 60
    assert throttle.passes(progress)


def test_of_half_a_million_lines_most_are_not_even_read_but_the_end_is() -> None:
    throttle = Throttle(Clock())
    lines = [b'{"kind": "progress"}'] * 500_000 + [b'{"kind": "finished"}']
    passed = list(throttle.lines(iter(lines)))
    assert len(passed) < 20_000
    assert passed[-1] == lines[-1]
