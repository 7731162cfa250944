"""Run folders that are deleted while somebody trains in them."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segstudio.core.errors import JobFailed
from segstudio.io.atomic import write_atomic
from segstudio.jobs import run_keeper, run_process
from segstudio.jobs.messages import Message, Metric, Started
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_keeper import RunKeeper
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import ClassSpec, TrainJob

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no folder with an open file is deleted there")
STARTED = Started(device="cpu", device_name="cpu", pid=1)


def figure(epoch: int) -> Metric:
    return Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values={"val_f1": 0.5})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    (tmp_path / "runs").mkdir()
    job = TrainJob(
        job_id="t", name="t", run_folder=tmp_path / "runs" / "t", samples=(), classes=(ClassSpec(id=1, name="cell"),)
    )
    run = RunFolder.create(job)
    run.claim()
    yield run
    run.release()


def test_a_deleted_folder_comes_back_with_its_curves(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_keeper, "_LOOK_S", 0.02)
    os.utime(run.environment_file, (1_000_000, 1_000_000))
    with closing(RunKeeper(run)) as keeper:
        keeper.append(STARTED)
        run.command("pause")
        keeper.append(figure(1))
        heard: list[Message] = []
        caught_up, back = threading.Event(), threading.Event()

        def follow() -> None:
            for message in RunProcess.attach(run.path).messages():
                heard.append(message)
                if message == figure(1):
                    caught_up.set()
                if message.kind == "warned":
                    back.set()
                if message == figure(2):
                    return

        window = threading.Thread(target=follow)
        window.start()
        assert caught_up.wait(30)
        shutil.rmtree(run.path)
        assert back.wait(30)  # though the training says nothing: it is paused
        keeper.append(figure(2))
        window.join(30)
        (warned,) = keeper.told()
        assert heard == [STARTED, figure(1), warned, figure(2)] == run.events()
        assert "checkpoints and previews until now are lost" in warned.message
    assert run.job().job_id == "t"
    assert (run.status, "pause" in run.control_file.read_text()) == ("running", True)
    assert run.begun == 1_000_000


#: Prints into the log of a run before and after its folder is deleted, as a training that the window has started.
PRINTS = """
import os, shutil, sys
from pathlib import Path
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_keeper import RunKeeper
run = RunFolder(Path(sys.argv[1]))
run.claim()
keeper = RunKeeper(run)
os.write(2, b"before\\n")
shutil.rmtree(run.path)
keeper.within(lambda: os.write(2, b"after\\n"))
"""


def test_what_is_printed_later_is_in_the_new_log(run: RunFolder) -> None:
    run.release()
    run.process_file.unlink()
    with run.log_file.open("ab") as log:
        command = [sys.executable, "-c", PRINTS, str(run.path)]
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=True, timeout=60)
    assert run.log_file.read_text() == "before\nafter\n"


def test_a_folder_that_goes_while_something_is_written_there_is_made_again(run: RunFolder) -> None:
    tries: list[bool] = []

    def write() -> None:
        tries.append(run.job_file.exists())
        if len(tries) == 1:
            shutil.rmtree(run.path)
        write_atomic(run.path / "written", b"")

    with closing(RunKeeper(run)) as keeper:
        keeper.within(write)
    assert tries == [True, True]
    assert (run.path / "written").exists()


def test_nothing_is_made_where_the_drive_is_gone(run: RunFolder, tmp_path: Path) -> None:
    with closing(RunKeeper(run)) as keeper:
        keeper.append(STARTED)
        (tmp_path / "runs").rename(tmp_path / "elsewhere")
        with pytest.raises(JobFailed, match="not there any more") as told:
            keeper.append(figure(1))
        with pytest.raises(JobFailed, match="not there any more"):
            keeper.within(lambda: pytest.fail("written"))
    assert told.value.code == "run-gone"
    assert not (tmp_path / "runs").exists()


def test_a_file_in_the_place_of_the_folder_ends_the_training_in_words(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_process, "_MADE_AGAIN_S", 0.1)
    following = RunProcess.attach(run.path).messages()
    with closing(RunKeeper(run)) as keeper:
        keeper.append(STARTED)
        assert next(following) == STARTED
        run.path.rename(tmp_path / "elsewhere")
        run.path.write_bytes(b"")
        with pytest.raises(JobFailed, match="not there any more"):
            keeper.append(figure(1))
    (failed,) = following
    assert failed.kind == "failed"
    assert failed.code == "run-gone"
