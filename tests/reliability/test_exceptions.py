"""Experiments 20 and 21: whatever raises, wherever, is logged and told once; the program lives on and keeps all."""

import gc
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
import window_driver
from psygnal import Signal as PlainSignal
from PySide6.QtCore import (
    QEvent,
    QEventLoop,
    QObject,
    QPoint,
    QPointF,
    QRunnable,
    Qt,
    QThread,
    QThreadPool,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from reliability.cases import Cases
from window_driver import Driver, run_program

import segstudio
from segstudio.gui.dialogs.error import ErrorDialog
from segstudio.gui.help_desk import HelpDesk
from segstudio.jobs.messages import Progress
from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("plugin does not support")

HOME = str(Path(segstudio.__file__).parent)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for seed, name in enumerate(("a", "b")):
        noise = np.random.default_rng(seed).integers(0, 200, (256, 256), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", noise)
    project, problems = Project.create(tmp_path / "project", tmp_path / "images")
    assert not problems
    project.close()
    return tmp_path / "project"


class Broken(QWidget):
    """Raises in each of its handlers that is told to."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.resize(30, 30)
        self.paints = False

    def mend(self) -> None:
        self.paints = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        raise ZeroDivisionError("in an event handler")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)  # lives on in the exception, unless that is taken care of
        painter.drawLine(0, 0, 9, 9)
        if self.paints:
            raise ZeroDivisionError("in a paint event")


class Run(QRunnable):
    def run(self) -> None:
        raise ZeroDivisionError("in a runnable")


class Thread(QThread):
    def run(self) -> None:
        raise ZeroDivisionError("in a thread of Qt")


class Plain:
    happened = PlainSignal()


class Sender(QObject):
    happened = Signal()


class Dying:
    def __del__(self) -> None:
        raise ZeroDivisionError("in a finaliser")


def _raise(words: str) -> None:
    raise ZeroDivisionError(words)


def _ways(hand: Driver) -> dict[str, Callable[[], Any]]:
    """Return what to do so that something raises, by the words that it raises with."""
    window, session = hand.window, hand.session
    broken = Broken(window)
    broken.show()
    sender, plain = Sender(window), Plain()
    sender.happened.connect(lambda: _raise("in a slot"))
    plain.happened.connect(lambda: _raise("in a callback of psygnal"))
    button = QPushButton(window)
    button.clicked.connect(lambda: _raise("in the slot of a button"))
    button.move(60, 0)
    button.show()
    thread = Thread(window)

    def paint() -> None:
        broken.paints = True
        QTimer.singleShot(0, broken, broken.update)
        QTimer.singleShot(100, broken, broken.mend)

    def message() -> None:
        session.jobs.message.connect(lambda *_: _raise("in the news of a job"))
        session.jobs._jobs["x"] = _job()
        session.jobs.handle(Progress(stage="s", done=1, total=2, job_id="x"))

    return {
        "in a slot": lambda: sender.happened.emit(),
        "in the slot of a button": lambda: QTest.mouseClick(button, Qt.MouseButton.LeftButton),
        "in a slot called later": lambda: QTimer.singleShot(0, lambda: _raise("in a slot called later")),
        "in an event handler": lambda: QTest.mouseClick(broken, Qt.MouseButton.LeftButton),
        "in a paint event": paint,
        "in a runnable": lambda: QThreadPool.globalInstance().start(Run()),
        "in a thread of Qt": thread.start,
        "in a thread of Python": lambda: threading.Thread(target=_raise, args=("in a thread of Python",)).start(),
        "in work of the background": lambda: session.background.run(lambda: _raise("in work of the background")),
        "in its answer": lambda: session.background.run(lambda: 1, lambda _: _raise("in its answer")),
        "in a callback of psygnal": lambda: plain.happened.emit(),
        "in the news of a job": message,
        "in a finaliser": lambda: (Dying(), None)[1],
    }


@pytest.fixture(autouse=True)
def events_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all that the hand does come from an event loop, as a user's doing does.

    What is delivered within a call from Python raises where it was called, not where a user's event ends.
    """

    def wait(ms: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(ms, loop.quit)
        loop.exec()

    def post(widget: QWidget, *events: QEvent) -> None:
        for event in events:
            QApplication.postEvent(widget, event)
        wait(1)

    def mouse(kind: QEvent.Type, held: bool) -> Callable[..., None]:
        def send(widget: QWidget, *words: Any) -> None:
            at = next((word for word in words if isinstance(word, QPoint)), widget.rect().center())
            left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
            button = none if kind == QEvent.Type.MouseMove else left
            place, buttons = QPointF(at), left if held else none
            event = QMouseEvent(kind, place, widget.mapToGlobal(place), button, buttons, Qt.KeyboardModifier.NoModifier)
            post(widget, event)

        return send

    press, release = mouse(QEvent.Type.MouseButtonPress, True), mouse(QEvent.Type.MouseButtonRelease, False)

    def click(widget: QWidget, *words: Any) -> None:
        press(widget, *words)
        release(widget, *words)

    def key(widget: QWidget, code: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        post(widget, QKeyEvent(QEvent.Type.KeyPress, code, keys), QKeyEvent(QEvent.Type.KeyRelease, code, keys))

    hand = SimpleNamespace(
        qWait=wait,
        mousePress=press,
        mouseRelease=release,
        mouseMove=mouse(QEvent.Type.MouseMove, True),
        mouseClick=click,
        keyClick=key,
    )
    monkeypatch.setattr(window_driver, "QTest", hand)
    monkeypatch.setitem(globals(), "QTest", hand)


def _job() -> Any:
    from segstudio.jobs.spec import PredictJob
    from segstudio.session.job import Job

    return Job("x", "x", PredictJob(job_id="x", model=Path("m"), images=()), state="running")


def _later(parent: QObject, call: Callable[[], Any]) -> None:
    # Not `singleShot` with a receiver: PySide 6.10 does not look at once for what raises in it.
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.timeout.connect(call)
    timer.start(0)


def _paint(hand: Driver, at: int, row: int = 60) -> None:
    hand.key(Qt.Key.Key_B)
    hand.drag([(at, row), (at + 12, row + 4), (at + 18, row)])


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_each_kind_is_logged_and_told_once_and_painting_goes_on(
    folder: Path, qapp: object, caplog: pytest.LogCaptureFixture
) -> None:
    def script(hand: Driver) -> None:
        desk = hand.window.help_desk
        desk.show_fault = HelpDesk.show_fault.__get__(desk)
        hand.wait(lambda: hand.session.document is not None, what="the image")
        document = hand.session.document
        for number, (words, provoke) in enumerate(_ways(hand).items()):
            caplog.clear()
            _paint(hand, 20 + 14 * number)
            _later(hand.window, provoke)
            hand.wait(lambda words=words: words in caplog.text, what=f"{words} in the log")
            dialog = hand.dialog(ErrorDialog)
            assert words in dialog.failure.message, dialog.failure
            assert "Traceback" in caplog.text
            assert "words = " not in caplog.text, "no values of variables"
            assert len(hand._dialogs(ErrorDialog)) == 1
            hand.click(dialog, "Go on")
            QTest.qWait(20)
            assert document.flush(10), "what was painted before is on the disk"
        edits: list[object] = []
        document.changed.connect(edits.append)
        _paint(hand, 230)
        hand.wait(lambda: edits, what="one more stroke")

    run_program([str(folder)], script)


@pytest.mark.timeout(120)
def test_what_raises_again_and_again_is_counted_and_not_stacked(
    folder: Path, qapp: object, caplog: pytest.LogCaptureFixture
) -> None:
    def script(hand: Driver) -> None:
        desk = hand.window.help_desk
        desk.show_fault = HelpDesk.show_fault.__get__(desk)
        broken = Broken(hand.window)
        broken.show()
        broken.paints = True
        storm = QTimer(hand.window)
        storm.timeout.connect(broken.update)
        storm.start(1)
        hand.wait(lambda: "raised 100 times by now" in caplog.text, what="a hundred repaints")
        dialog = hand.dialog(ErrorDialog)
        assert len(hand._dialogs(ErrorDialog)) == 1
        hand.wait(lambda: "This came 1" in dialog.hint, what="the count")
        assert caplog.text.count("Traceback") == 1
        hand.click(dialog, "Go on")
        QTest.qWait(200)  # with each repaint it comes again, also with those that the closing of a message causes
        assert not hand._dialogs(ErrorDialog)
        storm.stop()
        broken.paints = False
        _later(hand.window, lambda: _raise("something else"))
        hand.click(hand.dialog(ErrorDialog), "Go on")

    run_program([], script)


class Saboteur:
    """Lets the N-th call from Qt into the program raise, once."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.where = ""

    def __enter__(self) -> "Saboteur":
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> None:
        code, caller = frame.f_code, frame.f_back
        if event != "call" or not code.co_filename.startswith(HOME) or caller is None:
            return
        from_qt = not caller.f_code.co_filename.startswith(HOME) or caller.f_code.co_name == "_run"
        if not from_qt or Path(code.co_filename).name in ("faults.py", "help_desk.py", "error.py", "watchdog.py"):
            return
        if "posted.connect" in code.co_qualname or code.co_name in ("<lambda>", "close") or "psygnal" in str(caller):
            return
        self.left -= 1
        if self.left == 0:
            self.where = f"{code.co_qualname} in {Path(code.co_filename).name}"
            raise ZeroDivisionError(self.where)


def _act(hand: Driver, chance: random.Random) -> None:
    """Do something that goes through the real connections of the window."""
    what = chance.randrange(9)
    if what < 3:
        _paint(hand, chance.randrange(20, 220))
    elif what == 3:
        hand.window.show_step(chance.randrange(4))
    elif what == 4:
        hand.window.show_drawer(chance.randrange(3))
    elif what == 5:
        hand.key(chance.choice([Qt.Key.Key_B, Qt.Key.Key_E, Qt.Key.Key_V, Qt.Key.Key_H, Qt.Key.Key_F, Qt.Key.Key_Tab]))
    elif what == 6:
        hand.window.actions_table[chance.choice(["edit.undo", "edit.redo", "view.fit"])].trigger()
    elif what == 7:
        project = hand.session.project
        hand.session.select(chance.choice(project.images).id)
    else:
        hand.window.resize(chance.randrange(1000, 1440), chance.randrange(700, 900))
    QTest.qWait(chance.choice([1, 30]))


@pytest.mark.slow
def test_whichever_call_from_qt_raises_the_program_lives_on(
    folder: Path, qapp: object, caplog: pytest.LogCaptureFixture, cases: Cases, seed: int
) -> None:
    chance = random.Random(seed)
    seen: set[str] = set()

    def script(hand: Driver) -> None:
        faults: list[BaseException] = []
        hand.window.help_desk.show_fault = faults.append
        hand.wait(lambda: hand.session.document is not None, what="the image")
        for number in cases(merge=60, nightly=1000, release=5000):
            faults.clear()
            caplog.clear()
            raised: list[BaseException] = []
            with Saboteur(chance.randrange(1, 60)) as saboteur:
                try:
                    _act(hand, chance)
                except ZeroDivisionError as error:  # what the script itself called
                    raised.append(error)
            sys.settrace(None)
            if saboteur.where and not raised:
                where, again = saboteur.where, saboteur.where in seen
                seen.add(where)
                hand.wait(lambda where=where: any(where in str(fault) for fault in faults), 10, f"{where}, seed {seed}")
                assert again or where in caplog.text, f"{where} is not in the log, seed {seed}, round {number}"
        hand.wait(lambda: hand.session.document is not None, what="the image")
        QTest.keyClick(hand.window.canvas, Qt.Key.Key_Escape)
        hand.window.actions_table["view.fit"].trigger()
        document = hand.session.document
        edits: list[object] = []
        document.changed.connect(edits.append)
        for at in (40, 90, 140, 190):
            _paint(hand, at, row=180)  # where nobody has painted: over other objects a stroke changes nothing
        hand.wait(lambda: edits, what="one more stroke")
        assert document.flush(10)

    run_program([str(folder)], script)
    assert len(seen) >= 10, f"too few places raised: {sorted(seen)}"


def test_what_qt_warns_of_reaches_the_log(tmp_path: Path) -> None:
    """Touched on a thread that is not its own: Qt only prints it; here the log has it and a test would fail."""
    code = """
import sys, threading
from window_driver import run_program
from PySide6.QtCore import QObject, QTimer

def script(hand):
    parent = QObject(hand.window)
    thread = threading.Thread(target=lambda: QObject(parent))
    thread.start()
    thread.join()

run_program([], script)
"""
    surroundings = {
        "PYTHONPATH": os.pathsep.join(map(str, Path(__file__).resolve().parents[1:3])),
        "QT_QPA_PLATFORM": "offscreen",
    }
    state = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **surroundings, "XDG_STATE_HOME": str(state)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "different thread" in done.stderr
    if sys.platform == "linux":
        (log,) = state.rglob("segstudio.log")
        assert "different thread" in log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_rubbish_is_collected_on_the_thread_of_the_window_only(folder: Path, qapp: object) -> None:
    collected: list[int] = []

    def note(phase: str, _info: object) -> None:
        if phase == "start":
            collected.append(threading.get_ident())

    def script(hand: Driver) -> None:
        gc.callbacks.append(note)
        try:

            def rubbish() -> None:
                for _ in range(150):
                    for _ in range(5):  # what came in thousands would count as data
                        ring: list[Any] = [QObject()]
                        ring.append(ring)
                    time.sleep(0.02)

            workers = [threading.Thread(target=rubbish) for _ in range(3)]
            for worker in workers:
                worker.start()
            hand.wait(lambda: not any(worker.is_alive() for worker in workers), 90, "the makers of rubbish")
            made = len(collected)
            hand.wait(lambda: len(collected) > made, 30, "the last collection")
        finally:
            gc.callbacks.remove(note)

    gc.enable()  # as in the user's program: there is no fixture there that has turned it off
    run_program([str(folder)], script)
    assert len(collected) > 1
    assert set(collected) == {threading.get_ident()}
