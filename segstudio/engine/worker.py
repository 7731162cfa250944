"""The worker process: one training of a run folder, or a warm loop of jobs from standard input."""

import json
import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import psutil
from pydantic import ValidationError

from segstudio.core.errors import UserError
from segstudio.engine.control import Control
from segstudio.engine.pulse import Pulse
from segstudio.jobs.channel import MessageWriter, claim_stdout, read_lines
from segstudio.jobs.dead_worker import worker_hung
from segstudio.jobs.failures import failure
from segstudio.jobs.messages import Finished, Message, Started, to_line
from segstudio.jobs.processes import end_own_group, hear_of_parents_end
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import JobSpec, TrainJob, job_from_json

#: Seconds after the window died in which a worker may write its checkpoint.
_GRACE_S = 8.0
#: The same for short jobs, which have none.
_SHORT_GRACE_S = 3.0
_NICE = 10
#: Exit code of a process that ends because it can do no further job.
_UNFIT = 76


def train_run(folder: Path) -> int:
    """Do the training of a run folder; messages go to its files. Return the exit code.

    Standard input, when it is a pipe, belongs to the window: its end without a `detach` before means that the
    window died, and the training stops at its checkpoint. SIGTERM does the same.
    """
    run = RunFolder(folder)
    control = Control(run)
    _step_back()
    if _is_pipe(0):
        threading.Thread(target=_watch_window, args=(control,), name="window-watch", daemon=True).start()
        hear_of_parents_end(lambda: _window_gone(control))
    signal.signal(signal.SIGTERM, lambda *_: control.request("abandon"))
    try:
        job = run.job()
    except UserError as error:
        run.append(failure(error))
        return error.exit_code
    return _train(job, run, control)


def serve(log: Path | None = None) -> int:
    """Do the jobs that come as lines on standard input, one after the other; messages go to standard output.

    Ends when standard input ends. A line is a job, ``{"kind": "cancel", "job_id": ...}`` or ``{"kind": "stop"}``.
    """
    send = MessageWriter(claim_stdout(log))
    desk = _Desk(send)
    _warm_up()
    threading.Thread(target=_listen, args=(desk,), name="job-listener", daemon=True).start()
    hear_of_parents_end(lambda: _leave(desk))
    pulse = Pulse(send.beat)
    pulse.start()
    while (taken := desk.take()) is not None:
        job, control = taken
        try:
            fit = _do(job, _Ears(control, pulse), send)
        except BrokenPipeError:
            return 0
        finally:
            pulse.rest()
        desk.done(job.job_id)
        if not fit:
            return _UNFIT
    return 0


class _Ears:
    """Notes from what a job says whether it is at work: a graphics card may take a minute until it begins."""

    def __init__(self, control: Control, pulse: Pulse) -> None:
        self.control = control
        self._pulse = pulse

    def hear(self, message: Message) -> None:
        if isinstance(message, Finished):
            self._pulse.rest()
        elif not isinstance(message, Started) or not message.device.startswith("cuda"):
            self._pulse.work(lambda: self.control.wish() == "pause")


class _Desk:
    """The jobs that wait and the one at work; used by the thread that listens and the one that works."""

    def __init__(self, send: MessageWriter) -> None:
        self.send = send
        self._jobs: SimpleQueue[JobSpec | None] = SimpleQueue()
        self._waiting: set[str] = set()
        self._controls: dict[str, Control] = {}
        self._lock = threading.Lock()

    def put(self, job: JobSpec) -> None:
        with self._lock:
            self._waiting.add(job.job_id)
            self._controls[job.job_id] = Control()
        self._jobs.put(job)

    def take(self) -> tuple[JobSpec, Control] | None:
        """Wait for the next job that nobody has taken back; ``None`` when no more will come."""
        while (job := self._jobs.get()) is not None:
            with self._lock:
                if job.job_id in self._waiting:
                    self._waiting.remove(job.job_id)
                    return job, self._controls[job.job_id]
        return None

    def cancel(self, job_id: str) -> None:
        """Take a waiting job back at once; ask the one at work to stop."""
        with self._lock:
            waits = job_id in self._waiting
            self._waiting.discard(job_id)
            control = self._controls.pop(job_id, None) if waits else self._controls.get(job_id)
        if waits:
            self.send(Finished(time=time.time(), job_id=job_id, outcome="stopped"))
        elif control is not None:
            control.request("stop")

    def done(self, job_id: str) -> None:
        with self._lock:
            self._controls.pop(job_id, None)

    def close(self) -> None:
        """Abandon everything: the window is gone."""
        with self._lock:
            self._waiting.clear()
            controls = list(self._controls.values())
        for control in controls:
            control.request("abandon")
        self._jobs.put(None)


def _train(job: TrainJob, run: RunFolder, control: Control) -> int:
    from segstudio.engine.run import run_job

    try:
        run.claim()
    except UserError as error:  # the run is another process's: the window reads the reason from the end of the log
        sys.stderr.write(f"{to_line(failure(error, job.job_id))}\n")
        return error.exit_code
    stuck = worker_hung(job.job_id)
    pulse = Pulse(lambda _busy: run.beat(), lambda: run.append(stuck.model_copy(update={"time": time.time()})))
    ears = _Ears(control, pulse)
    pulse.start()
    try:
        for message in run_job(job, control):
            ears.hear(message)
    except UserError as error:  # its message is in the run's files already
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    finally:
        pulse.close()
    return 0


def _do(job: JobSpec, ears: _Ears, send: MessageWriter) -> bool:
    """Do a job; return whether this process can do another one."""
    from segstudio.engine.run import run_job

    messages = run_job(job, ears.control)
    try:
        for message in messages:
            ears.hear(message)
            send(message)
            if ears.control.ending and not isinstance(message, Finished):
                messages.close()
                send(Finished(time=time.time(), job_id=job.job_id, outcome="stopped"))
                return True
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a job raises, the next one must be served
        told = failure(error, job.job_id)
        send(told.model_copy(update={"time": time.time()}))
        # After an error of its own a graphics card refuses whatever this process asks of it.
        return told.code != "gpu-error"
    return True


def _listen(desk: _Desk) -> None:
    with os.fdopen(os.dup(0), "rb") as stream:
        for line in read_lines(stream):
            try:
                values = json.loads(line)
                kind = values.get("kind")
                if kind == "stop":
                    break
                if kind == "cancel":
                    desk.cancel(str(values.get("job_id", "")))
                    continue
                job = job_from_json(line)
            except (ValueError, AttributeError, ValidationError) as error:
                desk.send(failure(error, _job_id(line)))
                continue
            desk.put(job)
    _leave(desk)


def _leave(desk: _Desk) -> None:
    desk.close()
    _leave_later(_SHORT_GRACE_S)


def _job_id(line: bytes) -> str:
    try:
        return str(json.loads(line).get("job_id", ""))
    except (ValueError, AttributeError):
        return ""


def _watch_window(control: Control) -> None:
    while os.read(0, 4096):
        pass
    _window_gone(control)


def _window_gone(control: Control) -> None:
    control.refresh()  # a "detach" was written just before the pipe was closed
    if not control.detached:
        control.request("abandon")
        _leave_later(_GRACE_S)


def _leave_later(seconds: float) -> None:
    """End the process when the job did not end by itself: no worker outlives its window."""
    timer = threading.Timer(seconds, end_own_group)
    timer.daemon = True
    timer.start()


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _step_back() -> None:
    """Let the window go first: labelling must stay fluid while a training runs for minutes."""
    process = psutil.Process()
    below_normal: int | None = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)  # on Windows only
    process.nice(max(int(process.nice() or 0), _NICE) if below_normal is None else below_normal)


def _warm_up() -> None:
    """Import what every job needs while nobody waits yet."""
    import segstudio.engine.run  # noqa: F401

    sys.stderr.flush()
