"""A window that stands still tells the log where."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from segstudio.gui.watchdog import Watchdog


@pytest.fixture
def dog(qapp: QObject) -> Iterator[Watchdog]:
    made = Watchdog(qapp, patience=0.3)
    yield made
    made.close()
    made.deleteLater()


def _stand_still_in_a_function_of_this_name(seconds: float) -> None:
    time.sleep(seconds)


def test_a_stall_is_told_once_with_the_stacks_of_all_threads_and_its_length_afterwards(
    dog: Watchdog, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "segstudio"):
        qtbot.wait(600)
        assert not caplog.records
        _stand_still_in_a_function_of_this_name(1.6)
        qtbot.waitUntil(lambda: len(caplog.records) > 1, timeout=5_000)
        qtbot.wait(600)
    stall, over = (record.getMessage() for record in caplog.records)
    assert "_stand_still_in_a_function_of_this_name" in stall
    assert stall.index("Thread MainThread") < stall.index("_stand_still")
    assert "moved again" in over


HELD = """
import ctypes, sys, threading, time
from PySide6.QtCore import QCoreApplication, QTimer
import segstudio.gui.watchdog as watchdog

watchdog._HELD, watchdog._ARM = 0.6, 0.1
app = QCoreApplication([])
stacks = open(sys.argv[1], "wb", buffering=0)
dog = watchdog.Watchdog(app, stacks=stacks)

def hold():
    ctypes.PyDLL(None).usleep(1_600_000)  # a call into C that keeps the interpreter
    app.quit()

QTimer.singleShot(600, hold)
app.exec()
dog.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no usleep")
def test_a_call_into_c_that_keeps_the_interpreter_is_told_by_the_system(tmp_path: Path) -> None:
    file = tmp_path / "stacks.txt"
    subprocess.run([sys.executable, "-c", HELD, str(file)], check=True, timeout=60)
    assert "in hold" in file.read_text()
