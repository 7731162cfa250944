"""Commands that are told to end, by a key, a signal or a terminal that is closed: what they leave behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segstudio.__main__ import main as start
from segstudio.cli.main import main
from segstudio.cli.progress import stop_on_interrupt
from segstudio.core.resources import resource
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_keeper import folder_gone


def test_a_training_whose_drive_goes_says_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unplug(run: RunFolder) -> None:
        (tmp_path / "stick").rename(tmp_path / "unplugged")
        raise folder_gone(run)

    monkeypatch.setattr(RunFolder, "claim", unplug)
    samples = resource("samples", "project.json").parent
    assert main(["train", str(samples), "--out", str(tmp_path / "stick" / "run")]) == 4
    assert "The folder of this training is not there any more" in capsys.readouterr().err
    assert not (tmp_path / "stick").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_a_training_told_to_end_stops_as_with_ctrl_c() -> None:
    calls: list[str] = []
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_on_interrupt(lambda: calls.append("stop")):
        signal.raise_signal(signal.SIGTERM)
        assert calls == ["stop"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


#: Says when it listens, then works until it is told to stop, speaks to its terminal, and leaves a note.
#: The tests themselves may run under ``nohup``, whose children would hear nothing of a terminal.
IN_A_TERMINAL = """
import signal, sys, time
from pathlib import Path
from segstudio.cli.progress import stop_on_interrupt
from segstudio.cli.signals import interrupted_by_end, outliving_terminal
note, told = Path(sys.argv[1]), []
signal.signal(signal.SIGHUP, signal.SIG_DFL)
with outliving_terminal(), interrupted_by_end(), stop_on_interrupt(lambda: told.append(1)):
    print("listening", flush=True)
    end = time.monotonic() + 30
    while not told:
        time.sleep(0.01)
        print("an epoch is done", flush=True)  # the terminal may be gone before its signal comes
        if time.monotonic() > end:  # else it would stay for ever behind a test that failed
            sys.exit("nobody said anything")
    for _ in range(5):
        print("the best model is being written", flush=True)
        time.sleep(0.05)
    note.write_text("written")
if len(sys.argv) > 2:  # longer at the way out than the shell
    time.sleep(float(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_shell_that_repeats_itself_late_does_not_end_a_training_that_is_on_its_way_out(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, str(note), "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert b"listening" in process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        for _ in range(2000):
            if note.exists() or process.poll() is not None:
                break
            time.sleep(0.01)
        time.sleep(0.3)  # it has left what listens, and is not gone yet
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_training_whose_terminal_is_closed_keeps_its_model(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    words = [sys.executable, "-c", IN_A_TERMINAL, str(tmp_path / "note")]
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        assert b"listening" in os.read(ours, 100)
        os.close(ours)  # the terminal is gone: what is written to it is an error
        time.sleep(0.2)  # its signal comes later than that
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0
    assert (tmp_path / "note").read_text() == "written"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_training_under_nohup_stays_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_interrupt(lambda: pytest.fail("stopped")):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupt_in_the_first_moment_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("segstudio.cli.main.main", interrupted)
    monkeypatch.setattr(sys, "argv", ["segstudio", "catalogue"])
    assert start() == 130
    assert capsys.readouterr().err == "Interrupted.\n"


#: Says when it works in a hidden file, as a long export, and waits there; hears what ``nohup`` would keep away.
WORKS = """
import signal, sys, time
from pathlib import Path
import segstudio.cli.main
from segstudio.__main__ import main

def work(words):
    hidden = Path(words[1])
    hidden.touch()
    try:
        print("works", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        hidden.unlink()
        raise

signal.signal(signal.SIGHUP, signal.SIG_DFL)
segstudio.cli.main.main = work
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_command_told_to_end_tidies_up_and_says_so(tmp_path: Path, name: str) -> None:
    hidden = tmp_path / "hidden"
    words = [sys.executable, "-c", WORKS, "predict", str(hidden)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        process.send_signal(signal.Signals[name])
        _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (130, "Interrupted.\n")
    assert not hidden.exists()
