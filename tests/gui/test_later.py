"""What is done a moment later: an exception comes up where it was raised, and nothing is done for who is gone."""

import ast
import gc
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.later import later

_PROGRAM = Path(__file__).resolve().parents[2] / "segstudio"


class _Looks(QObject):
    """Sees all events, as parts of the window do: an error that nobody took up would come up here."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        return event.type() == QEvent.Type.User


def test_what_it_raises_comes_up_under_its_own_name(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: raised.append(error))
    owner, looks = QObject(), _Looks()
    qapp.installEventFilter(looks)

    def fail() -> None:
        raise ZeroDivisionError("in what was to be done later")

    later(owner, fail)
    QTest.qWait(100)
    qapp.removeEventFilter(looks)
    assert [str(error) for error in raised] == ["in what was to be done later"]


def test_it_is_done_once_and_not_for_who_is_gone(qapp: QApplication) -> None:
    done: list[str] = []
    here, gone = QObject(), QObject()
    later(here, lambda: done.append("here"))
    later(gone, lambda: done.append("gone"))
    gone.deleteLater()
    qapp.sendPostedEvents(gone, QEvent.Type.DeferredDelete)
    QTest.qWait(100)
    assert done == ["here"]
    assert here.children() == []


def test_nothing_is_left_of_what_was_done(qapp: QApplication) -> None:
    owner, done = QObject(), Counter[int]()

    def do(count: int) -> None:
        for _ in range(count):
            later(owner, lambda: done.update((count,)))
            while owner.children():
                qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
                qapp.processEvents()
        gc.collect()

    do(500)  # tables of Qt and Python that grow in steps
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        do(1_500)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done == {500: 500, 1_500: 1_500}
    assert after - before < 10 * 1_500


def test_the_program_uses_nothing_else_for_it() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(_PROGRAM.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "singleShot"
    ]
    assert found == []
