"""What "Copy report" puts into the clipboard: message, versions, and the last lines of the log."""

import logging
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import qWarning
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from window_driver import Driver, run_program

from segstudio import __version__
from segstudio.core.resources import resource
from segstudio.gui.dialogs.error import ErrorDialog
from segstudio.gui.help_desk import HelpDesk
from segstudio.gui.report import ReportBox, versions
from segstudio.jobs.messages import Failed
from segstudio.jobs.spec import ClassSpec, PredictJob, TrainJob
from segstudio.session.job import Job

pytestmark = pytest.mark.qt_log_ignore("plugin does not support")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, target)
    return target


def _copied(hand: Driver, box: ReportBox) -> str:
    hand.click(box, "Copy report")
    assert box.isVisible(), "the box stays"
    return QApplication.clipboard().text()


@pytest.mark.timeout(60)
def test_a_fault_of_the_program_is_reported_with_the_last_lines_of_its_log(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        for number in range(300):
            logging.getLogger("segstudio").info("line %d", number)
        HelpDesk.show_fault(hand.window.help_desk, RuntimeError("the moon is missing"))
        box = hand.dialog(ErrorDialog)
        assert box.focusWidget().text() == "Go on"
        text = _copied(hand, box)
        small = box.height()
        hand.click(box, "Show details")
        details = box.findChild(QPlainTextEdit, "report")
        assert details.toPlainText() == text
        assert details.viewport().height() >= 15 * details.fontMetrics().lineSpacing()
        assert box.width() < 1280
        assert box.height() < 800
        folded = box.height() - details.height()
        box.resize(1100, 700)
        hand.wait(lambda: details.height() > 700 - folded - 40, what="the report to take the room")
        hand.click(box, "Hide details")
        assert box.height() == small
        assert "RuntimeError: the moon is missing" in text
        assert f"SegStudio {__version__}" in text
        assert "line 299" in text
        assert "line 2\n" not in text
        assert len(text.splitlines()) < 150

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_failed_job_is_reported_with_its_own_log(folder: Path, tmp_path: Path, qapp: object) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "log.txt").write_text("the network ate the data\n")
    training = TrainJob(
        job_id="t", name="Model 1", run_folder=run, samples=(), classes=(ClassSpec(id=1, name="nucleus"),)
    )
    prediction = PredictJob(job_id="p", model=run, images=())

    def fail(hand: Driver, spec: Any) -> ReportBox:
        error = Failed(time=0, job_id=spec.job_id, code="bug", message="It broke.", hint="Try again.", details="trace")
        hand.session.jobs._set(Job(spec.job_id, "Model 1", spec, state="failed", created=time.time(), error=error))
        hand.window.show_drawer(2)
        row = hand.window.jobs.rows[spec.job_id]
        hand.click(row, "Details")
        return hand.dialog(ReportBox)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        box = fail(hand, training)
        text = _copied(hand, box)
        for words in ("bug: It broke.", "Try again.", "trace", "the network ate the data", f"SegStudio {__version__}"):
            assert words in text
        box.close()
        logging.getLogger("segstudio").info("the worker fell asleep")
        text = _copied(hand, fail(hand, prediction))
        assert "the worker fell asleep" in text

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
@pytest.mark.qt_log_ignore("the tide is high")
def test_the_log_tells_what_happened_in_short_lines(folder: Path, user_folders: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        for _ in range(3):
            hand.session.notice("The moon is full.", "Wait.", "warning")
            qWarning("the tide is high")
        job = Job("p", "Model 1", PredictJob(job_id="p", model=folder, images=()), state="running")
        hand.session.jobs._set(job)
        error = Failed(time=0, job_id="p", code="no-memory", message="It does not fit.", hint="Take less.", details="t")
        hand.session.jobs._set(replace(job, state="failed", error=error))
        hand.session.close_project()

    run_program([str(folder)], script)
    (path,) = user_folders.rglob("segstudio.log")
    written = path.read_text()
    lines = iter(written.splitlines())
    for words in (
        f"INFO MainThread {versions()}",
        "INFO MainThread Project opened: cells, 14 images",
        "INFO MainThread Image opened: nuclei-01.png, 360 x 360 pixels",
        "WARNING MainThread Said: The moon is full. Wait.",
        "WARNING MainThread Qt: the tide is high",
        "INFO MainThread Job predict Model 1: running",
        "ERROR MainThread Job predict Model 1: failed (no-memory). It does not fit. Take less.",
        "INFO MainThread Project closed: cells",
        "INFO MainThread Closed.",
    ):
        assert any(line.endswith(words) for line in lines), words
    assert [written.count(words) for words in ("The moon", "the tide")] == [1, 1]
    assert not [thread for thread in threading.enumerate() if "_monitor" in thread.name], "its thread has ended"


@pytest.mark.timeout(60)
def test_a_log_that_is_gone_does_not_bar_the_report(folder: Path, tmp_path: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        desk = hand.window.help_desk
        desk._log_file = tmp_path / "nothing.log"
        HelpDesk.show_fault(desk, RuntimeError("the moon is missing"))
        box = hand.dialog(ErrorDialog)
        assert "the moon is missing" in _copied(hand, box)

    run_program([str(folder)], script)
