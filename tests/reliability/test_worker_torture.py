"""Experiment 17: whatever happens to a worker is noticed and told, the window lives, and nobody is left behind."""

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt, QTimer
from reliability.cases import Cases
from window_driver import Driver, run_program

from segstudio.jobs.messages import Failed, Finished, Message, Started
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import ClassSpec, PredictJob, TrainJob
from segstudio.jobs.warm_worker import WarmWorker

pytestmark = [
    pytest.mark.qt_log_ignore("plugin does not support"),
    pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals"),
]

TORTURED = Path(__file__).with_name("tortured_worker.py")

#: What happens → how the job ends, and whether it takes the watch to notice it.
QUICK = {
    "killed": "worker-died",
    "segfault": "worker-died",
    "exception": "internal-error",
    "memory": "out-of-memory",
    "random-bytes": "",
    "flood": "",
    "wrong-json": "",
    "computes": "",
}
CELL = ClassSpec(id=1, name="cell")
HANGS = ("hang", "hang-in-c", "frozen")
#: Seconds within which a death and a hang are noticed, and for which the window may stand still.
_DEATH, _HANG, _STALL = 1.0, 15.0, 0.1
#: Seconds that a busy computer may add to each, and how often it is tried: once in a while it adds more.
_ROOM, _TRIES = 0.5, 3
#: Seconds that a busy computer may add where many processes have to end.
_SLACK = 6.0


def _command(note: Path, what: str) -> list[str]:
    return [sys.executable, str(TORTURED), str(note), what]


class Heartbeat:
    """How long the window did not come to its event loop; `worst`, seconds, without those it was not let run."""

    def __init__(self, hand: Driver) -> None:
        self.worst, self._last, self._waited = 0.0, time.monotonic(), _kept_waiting()
        self._timer = QTimer(hand.window)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.beat)
        self._timer.start(5)

    def beat(self) -> None:
        now, waited = time.monotonic(), _kept_waiting()
        self.worst = max(self.worst, now - self._last - (waited - self._waited))
        self._last, self._waited = now, waited

    def stop(self) -> None:
        self.beat()
        self._timer.stop()


def _kept_waiting() -> float:
    """Return how long this thread was ready to run and others had the processors, seconds; Linux alone tells."""
    path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(path.read_text().split()[1]) / 1e9 if path.exists() else 0.0


@dataclass(frozen=True)
class Suffered:
    """What one ordeal has shown: after how long it was noticed and how long the window stood still, seconds."""

    noticed: float
    stall: float
    promised: float

    @property
    def good(self) -> bool:
        return self.noticed < self.promised + _ROOM and self.stall < _STALL + _ROOM


@pytest.mark.slow
def test_a_tortured_worker_is_noticed_and_the_window_lives(
    tmp_path: Path,
    qapp: object,
    tier: Callable[..., int],
    cases: Cases,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLOOD", str(tier(merge=50_000, nightly=500_000, release=500_000)))
    told: list[str] = []

    def suffer(hand: Driver, ordeal: str, number: str) -> Suffered:
        jobs = hand.session.jobs
        note = tmp_path / f"{ordeal}-{number}"
        worker = WarmWorker(tmp_path / "worker.log", _command(note, "serve"))
        hand.session.jobs._worker, before = worker, hand.session.jobs._worker
        before.stop()
        jobs._worker_followed = False
        job_id = jobs.predict(PredictJob(job_id=note.name, model=Path(ordeal), images=()), ordeal)
        hand.wait(note.exists, what=f"{ordeal} to begin")
        beat = Heartbeat(hand)
        hand.wait(lambda: not jobs.live(job_id), 60, f"the end of {ordeal}")
        seen = time.time()
        beat.stop()
        job = jobs.job(job_id)
        code = job.error.code if job.error else ""
        expected = "worker-hung" if ordeal in HANGS else QUICK[ordeal]
        assert code == expected, f"{ordeal}: {job.error}"
        if job.error:
            assert job.error.message
            assert job.error.hint
        death = note
        if expected == "worker-died":
            death = Path(f"{note}.death")
            hand.wait(lambda: death.exists() and death.read_text(), what="who saw it die")
        promised = {"worker-hung": _HANG, "worker-died": _DEATH}.get(expected, math.inf)
        return Suffered(seen - float(death.read_text()), beat.worst, promised)

    def judge(hand: Driver, ordeal: str, number: int) -> None:
        found: list[Suffered] = []
        while len(found) < _TRIES and not (found and found[-1].good):
            found.append(suffer(hand, ordeal, f"{number}-{len(found)}"))
        words = f"{ordeal}: noticed after {found[-1].noticed:.2f} s, stall {1000 * found[-1].stall:.0f} ms"
        told.append(words + f" (try {len(found)})" * (len(found) > 1))
        assert found[-1].good, f"{ordeal}: each time too late: {found}"

    def script(hand: Driver) -> None:
        hand.window.show_drawer(2)
        for number in cases(merge=1, nightly=10, release=50):
            for ordeal in (*QUICK, *HANGS) if tier(merge=0, nightly=1, release=1) else QUICK:
                judge(hand, ordeal, number)

    try:
        run_program([], script)
    finally:
        with capsys.disabled():
            print("", *told, sep="\n  ")  # noqa: T201
    assert not psutil.Process().children(recursive=True)


WINDOW = """
import json, sys, time
from pathlib import Path
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import PredictJob, TrainJob
from segstudio.jobs.warm_worker import WarmWorker

command, job = json.loads(sys.argv[1]), json.loads(sys.argv[2])
if job["kind"] == "train":
    run = RunProcess.start(TrainJob.model_validate(job), command)
    if sys.argv[3] == "detach":
        while not Path(command[2]).exists():
            time.sleep(0.05)
        run.send("detach")
else:
    worker = WarmWorker(command=command)
    worker.submit(PredictJob.model_validate(job))
print("stands", flush=True)
time.sleep(600)
"""


def _alive(pids: list[int]) -> list[int]:
    left = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                left.append(pid)
        except psutil.NoSuchProcess:
            continue
    return left


def _kill_window(tmp_path: Path, kind: str, *, detach: bool = False) -> list[int]:
    """Kill a program with a worker that has started children; return all below it."""
    note, loaders = tmp_path / "note", tmp_path / "loaders.json"
    if kind == "train":
        job = TrainJob(job_id="t", name="loaders", run_folder=tmp_path / "run", samples=(), classes=(CELL,))
        command = _command(note, str(tmp_path / "run"))
    else:
        job = PredictJob(job_id="p", model=Path("loaders"), images=())
        command = _command(note, "serve")
    words = [sys.executable, "-c", WINDOW, json.dumps(command), job.model_dump_json(), "detach" if detach else ""]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as window:
        assert window.stdout is not None
        assert window.stdout.readline() == b"stands\n"
        end = time.monotonic() + 60
        while not loaders.exists() or not loaders.read_text().endswith("]"):
            assert time.monotonic() < end, "the worker did not start its children"
            time.sleep(0.05)
        pids: list[int] = json.loads(loaders.read_text())
        assert len(_alive(pids)) == 5
        window.kill()
    return pids


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["predict", "train"])
def test_a_killed_window_leaves_no_worker_and_no_loader(tmp_path: Path, kind: str, cases: Cases) -> None:
    for number in cases(merge=1, nightly=5, release=50):
        folder = tmp_path / str(number)
        folder.mkdir()
        pids = _kill_window(folder, kind)
        killed = time.monotonic()
        while left := _alive(pids):
            assert time.monotonic() - killed < 10 + _SLACK, f"left behind: {left}"
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_detached_training_and_its_loaders_outlive_the_window(tmp_path: Path) -> None:
    pids = _kill_window(tmp_path, "train", detach=True)
    try:
        time.sleep(10)
        assert _alive(pids) == pids
    finally:
        os.killpg(pids[0], 9)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_whoever_hangs_is_told_and_ended(tmp_path: Path) -> None:
    """Workers and trainings, each in each way, all at once: each takes as long as the watch does."""
    notes: dict[str, Path] = {}
    told: dict[str, tuple[float, Message]] = {}
    ends: list[Callable[[], object]] = []

    def read(name: str, messages: Iterator[Message]) -> None:
        last = next(message for message in messages if isinstance(message, Failed | Finished))
        told[name] = time.time(), last

    readers = []
    for ordeal in HANGS:
        for kind in ("work", "train"):
            name = f"{kind}-{ordeal}"
            (tmp_path / name).mkdir()
            note = notes[name] = tmp_path / name / "note"
            if kind == "work":
                worker = WarmWorker(tmp_path / name / "worker.log", _command(note, "serve"))
                worker.submit(PredictJob(job_id=name, model=Path(ordeal), images=()))
                readers.append(threading.Thread(target=read, args=(name, worker.messages())))
                ends.append(worker.stop)
                continue
            folder = tmp_path / name / "run"
            job = TrainJob(job_id=name, name=ordeal, run_folder=folder, samples=(), classes=(CELL,))
            process = RunProcess.start(job, _command(note, str(folder)))
            readers.append(threading.Thread(target=read, args=(name, process.messages())))
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    for end in ends:
        end()
    for name, note in notes.items():
        at, last = told[name]
        assert isinstance(last, Failed), name
        assert last.code == "worker-hung", f"{name}: {last}"
        assert at - float(note.read_text()) < 15 + _SLACK, name
        assert not RunFolder(tmp_path / name / "run").process_alive()


def test_a_worker_whose_graphics_card_is_lost_ends_after_it_said_so_and_the_next_job_has_a_new_one(
    tmp_path: Path,
) -> None:
    worker = WarmWorker(tmp_path / "worker.log", _command(tmp_path / "note", "serve"))
    messages = worker.messages()

    def done(ordeal: str) -> tuple[Message, int]:
        worker.submit(PredictJob(job_id=ordeal, model=Path(ordeal), images=()))
        pid = 0
        for message in messages:
            if isinstance(message, Started):
                pid = message.pid
            if isinstance(message, Failed | Finished):
                return message, pid
        raise AssertionError("no end")

    try:
        last, first = done("lost-card")
        assert isinstance(last, Failed)
        assert last.code == "gpu-error"
        last, second = done("wrong-json")
        assert isinstance(last, Finished)
        assert second != first
    finally:
        worker.stop()
