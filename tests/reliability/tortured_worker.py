"""A worker, and a training, whose jobs do to it what the world may do; the engine is not imported for it."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from segstudio.jobs.messages import Finished, Message, Progress, Started

#: The pipe of messages, before the worker takes it.
_PIPE = os.dup(1)


def _lines(count: int) -> None:
    line = b'{"kind": "progress", "stage": "Predicting", "done": 1, "total": 2, "job_id": "%s"}\n' % _job_id.encode()
    block = line * 1000
    for _ in range(count // 1000):
        _write(block)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(_PIPE, view) :]


def _loaders() -> None:
    """Start children of both kinds: a fork, as loaders are, and a program."""
    code = "import time; time.sleep(600)"
    pids = [subprocess.Popen([sys.executable, "-c", code]).pid]
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        pids.append(pid)
    (_note.parent / "loaders.json").write_text(json.dumps([os.getpid(), *pids]))
    end = time.monotonic() + 600  # who tests this may be killed before it ends us
    while time.monotonic() < end:
        sum(range(10_000))


def _wrong_json() -> None:
    for text in ("[1, 2", "{}", '{"kind": "finished"}', '{"kind": "moon", "job_id": 1}', "null", '{"a":' * 5000, ""):
        _write(text.encode() + b"\n")


def _raise(error: BaseException) -> None:
    raise error


def _call_witness() -> None:
    """Start a process that notes when this one dies: the kernel then closes the only other end of its pipe."""
    reads, held = os.pipe()
    code = "import os, sys, time; os.write(1, b'r'); os.read(0, 1); open(sys.argv[1], 'w').write(str(time.time()))"
    command = [sys.executable, "-I", "-S", "-c", code, f"{_note}.death"]
    witness = subprocess.Popen(command, stdin=reads, stdout=subprocess.PIPE, start_new_session=True)
    os.close(reads)
    assert witness.stdout is not None
    assert witness.stdout.read(1) == b"r"
    _held.append(held)


ORDEALS = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: ctypes.string_at(0),
    "exception": lambda: _raise(ZeroDivisionError("the moon is missing")),
    "memory": lambda: _raise(MemoryError()),
    "lost-card": lambda: _raise(RuntimeError("CUDA error: an illegal memory access was encountered")),
    "hang": lambda: time.sleep(600),
    "hang-in-c": lambda: ctypes.PyDLL(None).sleep(600),
    "frozen": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "random-bytes": lambda: _write(os.urandom(5 << 20) + b"\n"),
    "flood": lambda: _lines(int(os.environ.get("FLOOD", "100000"))),
    "wrong-json": _wrong_json,
    "computes": lambda: [sum(range(10_000_000)) for _ in range(3)],
    "loaders": _loaders,
}
#: What of the worker's death ends.
_held: list[int] = []
_job_id = ""
_note = Path(sys.argv[1])


def run_job(spec: Any, control: Any = None, crew: Any = None) -> Iterator[Message]:
    """Do the ordeal that the job's model is named after."""
    global _job_id
    _job_id = spec.job_id
    ordeal = spec.name if spec.kind == "train" else spec.model.name
    yield Started(device="cpu", device_name="cpu", pid=os.getpid(), job_id=spec.job_id)
    yield Progress(stage="Predicting", done=0, total=2, job_id=spec.job_id)
    if spec.kind == "train":
        time.sleep(2.5)  # until the window knows that signs of life come
    if ordeal in ("killed", "segfault"):
        _call_witness()
    _note.write_text(f"{time.time()}")
    ORDEALS[ordeal]()
    yield Finished(outcome="done", job_id=spec.job_id)


if __name__ == "__main__":
    engine = ModuleType("segstudio.engine.run")
    engine.run_job = run_job
    sys.modules["segstudio.engine.run"] = engine
    from segstudio.engine.worker import serve, train_run

    if sys.argv[2] == "serve":
        raise SystemExit(serve(_note.parent / "worker.log"))
    raise SystemExit(train_run(Path(sys.argv[2])))
