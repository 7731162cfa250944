import errno
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from segstudio.core.errors import BadInput, BadModel, WrongUsage
from segstudio.io.disk import DISK, DiskError
from segstudio.jobs.messages import Failed, Finished, Progress, Started, StateChanged
from segstudio.jobs.model_folder import CARD_NAME, card_content
from segstudio.jobs.process_note import ProcessNote
from segstudio.jobs.run_folder import RunFolder, list_runs
from segstudio.jobs.spec import ClassSpec, TrainJob


def a_job(folder: Path, name: str = "first") -> TrainJob:
    return TrainJob(job_id="j", name=name, run_folder=folder, samples=(), classes=(ClassSpec(id=1, name="cell"),))


def started() -> Started:
    return Started(device="cpu", device_name="cpu", pid=1)


def test_a_run_keeps_its_job_and_environment(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    assert run.job() == a_job(tmp_path / "run")
    assert "torch" in run.environment_file.read_text()


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(WrongUsage, match="not empty"):
        RunFolder.create(a_job(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_folder_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no run"):
        RunFolder(tmp_path).job()


def test_a_damaged_job_file_says_so(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.job_file.write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        run.job()


def test_events_survive_a_torn_last_line(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.append(started())
    with run.events_file.open("ab") as file:
        file.write(b'{"kind": "progress", "sta')
    assert [event.kind for event in run.events()] == ["started"]
    run.append(StateChanged(state="paused"))
    assert [event.kind for event in run.events()] == ["started", "state"], "the torn line swallows no other"


def test_a_model_whose_checkpoint_is_gone_is_left_alone(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.model.mkdir()
    with pytest.raises(WrongUsage, match="no checkpoint"):
        RunFolder.create(a_job(tmp_path / "run", "longer").model_copy(update={"resume": True}))
    assert run.job().name == "first"


def test_status_follows_the_messages(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    assert run.status == "waiting"
    run.claim()
    run.append(started())
    run.append(Progress(stage="Training", done=1, total=2))
    assert run.status == "running"
    run.append(StateChanged(state="paused"))
    assert run.status == "paused"
    run.append(StateChanged(state="running"))
    run.append(Finished(outcome="stopped"))
    assert run.status == "stopped"
    run.append(started())
    run.append(Failed(code="x", message="y"))
    assert run.status == "failed"
    run.append(started())
    run.append(Failed(code="interrupted", message="The window went away."))
    assert run.status == "died"


def test_a_run_whose_process_is_gone_died(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        note = ProcessNote(pid=process.pid, created=time.time(), host=socket.gethostname())
    run.process_file.write_text(note.model_dump_json())
    run.append(started())
    assert run.status == "died"


def test_a_recycled_process_id_does_not_count(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    own = psutil.Process()
    note = ProcessNote(pid=own.pid, created=own.create_time() - 500, host=socket.gethostname())
    run.process_file.write_text(note.model_dump_json())
    assert not run.process_alive()


def test_a_run_of_another_computer_runs_while_messages_come(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.process_file.write_text(ProcessNote(pid=1, created=0, host="far-away").model_dump_json())
    run.append(started())
    assert run.status == "running"


def test_rename_changes_the_name_only(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.rename("better")
    assert run.job().name == "better"
    assert run.path == tmp_path / "run"


def test_delete_removes_a_run_but_never_another_folder(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.delete()
    assert not run.path.exists()
    with pytest.raises(BadInput):
        RunFolder(tmp_path).delete()
    assert tmp_path.exists()


def test_delete_is_refused_while_training(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.claim()
    with pytest.raises(WrongUsage, match="still training"):
        run.delete()


def test_refusals_say_the_name_that_the_user_gave(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "20260101-100000-abcd", "with more cells"))
    assert "The run with more cells cannot go on" in run.cannot_go_on().message
    run.claim()
    run.append(started())
    with pytest.raises(WrongUsage, match=r"^The run with more cells is still training\."):
        run.delete()
    run.release()
    run.model.mkdir()
    (run.model / CARD_NAME).write_text("{}")
    with pytest.raises(BadModel, match=r"^The file model\.json of the model with more cells cannot be used: "):
        card_content(run.model)


def test_a_run_without_a_readable_name_is_called_as_its_folder(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "20260101-100000-abcd"))
    for damaged in ("{", "[]", '{"name": 3}'):
        run.job_file.write_text(damaged)
        assert "The run 20260101-100000-abcd cannot go on" in run.cannot_go_on().message


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    import os

    for index, name in enumerate(("a", "b", "c")):
        run = RunFolder.create(a_job(tmp_path / name, name))
        os.utime(run.environment_file, (1000 + index, 1000 + index))
    (tmp_path / "not a run").mkdir()
    assert [run.path.name for run in list_runs(tmp_path)] == ["c", "b", "a"]
    assert list_runs(tmp_path / "missing") == []


def test_of_two_trainings_that_start_in_one_folder_at_the_same_moment_one_gets_it(tmp_path: Path) -> None:
    def start(name: str) -> str:
        both.wait()
        try:
            return RunFolder.create(a_job(tmp_path / "run", name)).job().name
        except WrongUsage as error:
            return error.code

    both = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(start, "abcdefgh"))
    assert results.count("run-folder-not-empty") == 7
    assert RunFolder(tmp_path / "run").job().name in results


def test_a_run_that_is_being_trained_cannot_be_resumed_beside_it(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        note = ProcessNote(
            pid=process.pid, created=psutil.Process(process.pid).create_time(), host=socket.gethostname()
        )
        run.process_file.write_text(note.model_dump_json())
        run.append(started())
        again = a_job(tmp_path / "run").model_copy(update={"resume": True})
        with pytest.raises(WrongUsage, match="already being trained"):
            RunFolder.create(again)
        with pytest.raises(WrongUsage, match="already being trained"):
            run.claim()
        run.append(Finished(outcome="stopped"))  # it only takes a moment to leave
        RunFolder.create(again)
        process.communicate(b"\n")
    assert run.process_file.exists()


#: Waits for a byte, then takes the run of a folder and says whether it got it.
RESUMES = """
import sys
from pathlib import Path
from segstudio.core.errors import WrongUsage
from segstudio.jobs.run_folder import RunFolder

run = RunFolder(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read(1)
try:
    run.claim()
    print("took", flush=True)
except WrongUsage as error:
    print(error.code, flush=True)
sys.stdin.read()
"""


def test_of_resumes_at_the_same_moment_one_gets_the_run(tmp_path: Path) -> None:
    run = RunFolder.create(a_job(tmp_path / "run"))
    run.append(started())
    run.append(Finished(outcome="stopped"))
    command = [sys.executable, "-c", RESUMES, str(run.path)]
    pipe = subprocess.PIPE
    others = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    streams = [(other.stdin, other.stdout) for other in others if other.stdin and other.stdout]
    try:
        assert [output.readline() for _, output in streams] == ["ready\n"] * 3
        for answer, _ in streams:
            answer.write("\n")
            answer.flush()
        assert sorted(output.readline() for _, output in streams) == ["run-busy\n", "run-busy\n", "took\n"]
        with pytest.raises(WrongUsage, match="already being trained"):
            run.claim()
    finally:
        for other in others:
            other.communicate("\n")
    run.claim()
    run.release()


def test_a_full_disk_leaves_no_folder_that_bars_the_next_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DISK, "write", refuse)
        with pytest.raises(DiskError, match=r"job\.json could not be saved"):
            RunFolder.create(a_job(tmp_path / "runs" / "a"))
    assert not (tmp_path / "runs").exists()
    assert RunFolder.create(a_job(tmp_path / "runs" / "a")).job().name == "first"
