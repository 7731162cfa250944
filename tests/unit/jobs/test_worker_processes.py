"""Workers that die, hang or babble, as small scripts in place of the real one."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from segstudio.jobs.messages import Failed, Finished, Message, Metric
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import CatalogueJob, ClassSpec, TrainJob
from segstudio.jobs.warm_worker import WarmWorker

OBEDIENT = """
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    if job["kind"] == "cancel":
        continue
    print(json.dumps({"kind": "finished", "outcome": "done", "job_id": job["job_id"]}), flush=True)
"""
DEAF = "import sys, time\nsys.stdin.readline()\nprint('no message', flush=True)\ntime.sleep(60)\n"

#: Begins the job "a" and never ends it; does the others.
STUCK = """
import json, sys, time
for line in sys.stdin:
    job = json.loads(line)
    started = {"kind": "started", "device": "cpu", "device_name": "cpu", "pid": 1, "job_id": job["job_id"]}
    print(json.dumps(started), flush=True)
    if job["job_id"] == "a":
        time.sleep(60)
    print(json.dumps({"kind": "finished", "outcome": "done", "job_id": job["job_id"]}), flush=True)
"""

RUN = """
import json, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
with (folder / "events.jsonl").open("a") as events:
    print(json.dumps({"kind": "started", "device": "cpu", "device_name": "cpu", "pid": 1}), file=events, flush=True)
    if sys.argv[2] == "finish":
        print(json.dumps({"kind": "finished", "outcome": "done"}), file=events, flush=True)
        sys.exit(0)
if sys.argv[2] == "babble":
    print("the last words")
    sys.exit(3)
time.sleep(60)
"""

#: Another program that trains a run, once it has been told to begin.
HOLDER = """
import sys
from pathlib import Path
from segstudio.jobs.run_folder import RunFolder

run = RunFolder(Path({folder!r}))
sys.stdin.buffer.raw.read(1)
run.claim()
print("has it", flush=True)
sys.stdin.read()
"""
#: The worker of a training, once it has been told to begin.
AFTER_A_WORD = """
import sys
from pathlib import Path

sys.stdin.buffer.raw.read(1)
from segstudio.engine.worker import train_run

sys.exit(train_run(Path({folder!r})))
"""


def a_catalogue(job_id: str, folder: Path) -> CatalogueJob:
    return CatalogueJob(job_id=job_id, output=folder / "catalogue.json")


def a_train_job(folder: Path) -> TrainJob:
    return TrainJob(job_id="t", name="t", run_folder=folder, samples=(), classes=(ClassSpec(id=1, name="cell"),))


def worker(code: str) -> WarmWorker:
    return WarmWorker(command=[sys.executable, "-c", code])


def next_message(worker: WarmWorker) -> Message:
    return next(worker.messages())


def test_a_warm_worker_answers_job_after_job(tmp_path: Path) -> None:
    warm = worker(OBEDIENT)
    for name in ("a", "b"):
        warm.submit(a_catalogue(name, tmp_path))
        message = next_message(warm)
        assert (message.kind, message.job_id) == ("finished", name)
    first = warm.pid
    warm.submit(a_catalogue("c", tmp_path))
    next_message(warm)
    assert warm.pid == first
    warm.stop()
    assert warm.pid is None
    assert list(warm.messages()) == []


def test_a_killed_worker_is_told_in_plain_words_and_started_again(tmp_path: Path) -> None:
    warm = worker(DEAF)
    warm.submit(a_catalogue("a", tmp_path))
    assert warm.pid is not None
    os.kill(warm.pid, signal.SIGKILL)
    message = next_message(warm)
    assert isinstance(message, Failed)
    assert (message.code, message.job_id) == ("worker-died", "a")
    assert "labels are safe" in message.hint
    warm.submit(a_catalogue("b", tmp_path))
    assert warm.pid is not None
    warm.stop()


def test_a_worker_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.jobs.warm_worker.PATIENCE", 0.2)
    warm = worker(DEAF)
    warm.submit(a_catalogue("a", tmp_path))
    warm.cancel("a")
    message = next_message(warm)
    assert isinstance(message, Finished)
    assert message.outcome == "stopped"
    warm.stop()


def test_who_waits_behind_a_job_that_does_not_stop_is_served_by_the_next_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.jobs.warm_worker.PATIENCE", 0.2)
    warm = worker(STUCK)
    for name in ("a", "b", "c"):
        warm.submit(a_catalogue(name, tmp_path))
    assert next_message(warm).job_id == "a"
    first = warm.pid
    warm.cancel("a")
    told = [next_message(warm) for _ in range(5)]
    assert [(message.kind, message.job_id) for message in told] == [
        ("finished", "a"),
        ("started", "b"),
        ("finished", "b"),
        ("started", "c"),
        ("finished", "c"),
    ]
    assert isinstance(told[0], Finished)
    assert told[0].outcome == "stopped"
    assert warm.pid != first
    warm.stop()


def test_no_worker_outlives_stop(tmp_path: Path) -> None:
    warm = worker(DEAF)
    warm.submit(a_catalogue("a", tmp_path))
    pid = warm.pid
    assert pid is not None
    warm.stop()
    assert not psutil.pid_exists(pid)


def test_nobody_waits_for_a_worker_that_has_not_begun_anything(tmp_path: Path) -> None:
    went_by_itself = tmp_path / "went"
    code = f"import sys, time; sys.stdin.read(); time.sleep(0.5); open({str(went_by_itself)!r}, 'w').close()"
    warm = worker(code)
    warm.submit(a_catalogue("a", tmp_path))
    warm.stop()
    assert warm.pid is None
    assert not went_by_itself.exists()


def test_a_job_that_comes_while_the_worker_stops_is_dropped(tmp_path: Path) -> None:
    lingering = worker(DEAF)  # lives on after its input was closed, as one that imports does
    lingering.start()
    process = lingering._process
    assert process is not None
    assert process.stdin is not None
    stopping = threading.Thread(target=lingering.stop)
    stopping.start()
    while not process.stdin.closed:
        time.sleep(0.001)
    lingering.submit(a_catalogue("late", tmp_path))
    stopping.join()
    assert list(lingering.messages()) == []
    assert process.poll() is not None


def run_process(folder: Path, manner: str) -> RunProcess:
    return RunProcess.start(a_train_job(folder), command=[sys.executable, "-c", RUN, str(folder), manner])


def test_a_run_is_followed_through_its_folder(tmp_path: Path) -> None:
    process = run_process(tmp_path / "run", "finish")
    assert [message.kind for message in process.messages()] == ["started", "finished"]
    attached = RunProcess.attach(tmp_path / "run")
    assert [message.kind for message in attached.messages()] == ["started", "finished"]


def test_a_killed_training_says_so_with_the_end_of_its_log(tmp_path: Path) -> None:
    process = run_process(tmp_path / "run", "babble")
    *_, last = process.messages()
    assert isinstance(last, Failed)
    assert last.code == "worker-died"
    assert "exit code 3" in last.message
    assert "the last words" in last.details


def test_kill_ends_a_training(tmp_path: Path) -> None:
    process = run_process(tmp_path / "run", "hang")
    messages = process.messages()
    assert next(messages).kind == "started"
    process.kill()
    assert [message.kind for message in messages] == ["failed"]
    assert not process.alive


@pytest.mark.timeout(60)
def test_close_ends_the_messages_of_a_run_that_goes_on(tmp_path: Path) -> None:
    process = run_process(tmp_path / "run", "hang")
    threading.Timer(0.5, process.close).start()
    assert [message.kind for message in process.messages()] == ["started"]
    assert process.alive
    process.kill()


def test_commands_reach_the_run_folder(tmp_path: Path) -> None:
    process = run_process(tmp_path / "run", "hang")
    process.send("pause")
    process.send("stop")
    text = RunFolder(tmp_path / "run").control_file.read_text()
    assert [word in text for word in ("pause", "stop")] == [True, True]
    process.kill()


def test_how_a_run_ended_before_it_was_resumed_is_not_told_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    list(run_process(folder, "finish").messages())
    run = RunFolder(folder)
    run.append(Metric(epoch=1, step=1, elapsed_s=1, values={"loss": 1.0}))
    run.append(Failed(code="window-gone", message="The window went away."))
    again = a_train_job(folder).model_copy(update={"resume": True})
    process = RunProcess.start(again, command=[sys.executable, "-c", RUN, str(folder), "finish"])
    assert [message.kind for message in process.messages()] == ["metric", "started", "finished"]
    attached = RunProcess.attach(folder)
    assert [message.kind for message in attached.messages()] == ["metric", "started", "finished"]


def test_a_training_that_a_full_disk_ended_without_a_word_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=4096))
    job = a_train_job(tmp_path / "run")
    process = RunProcess.start(job, command=[sys.executable, "-c", "import sys; sys.exit(1)"])
    (last,) = process.messages()
    assert isinstance(last, Failed)
    assert (last.code, last.job_id) == ("disk-full", job.job_id)
    assert "Free some space" in last.hint


def test_a_resumed_run_that_dies_at_once_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    list(run_process(folder, "finish").messages())
    again = a_train_job(folder).model_copy(update={"resume": True})
    process = RunProcess.start(again, command=[sys.executable, "-c", "import sys; sys.exit(5)"])
    (last,) = process.messages()
    assert isinstance(last, Failed)
    assert last.code == "worker-died"


def test_a_run_whose_folder_was_removed_ends_with_a_sentence(tmp_path: Path) -> None:
    process = run_process(tmp_path / "run", "hang")
    messages = process.messages()
    assert next(messages).kind == "started"
    shutil.rmtree(tmp_path / "run")
    process.kill()
    (last,) = messages
    assert isinstance(last, Failed)
    assert (last.code, last.job_id) == ("run-gone", "t")
    assert str(tmp_path / "run") in last.message


def test_a_training_that_another_process_does_already_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    list(run_process(folder, "finish").messages())
    again = a_train_job(folder).model_copy(update={"resume": True})
    command = [sys.executable, "-c", HOLDER.format(folder=str(folder))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        process = RunProcess.start(again, command=[sys.executable, "-c", AFTER_A_WORD.format(folder=str(folder))])
        other.stdin.write(b"1")
        other.stdin.flush()
        other.stdout.readline()
        assert process._process is not None
        assert process._process.stdin is not None
        process._process.stdin.write(b"1")
        process._process.stdin.flush()
        (last,) = process.messages()
        other.stdin.close()
    assert isinstance(last, Failed)
    assert (last.code, last.job_id) == ("run-busy", "t")
    assert "already being trained by another process" in last.message
    assert other.wait(10) == 0
