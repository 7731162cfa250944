"""Threads that read what jobs say: everything arrives, in order, and nothing is left of those that have ended."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from segstudio.gui import jobs
from segstudio.gui.jobs import JobThreads
from segstudio.jobs.messages import Message, Progress


def test_of_a_stream_that_has_ended_nothing_is_left_but_what_it_said(qtbot: QtBot) -> None:
    def stream(name: str) -> Iterator[Message]:
        return (Progress(job_id=name, stage="", done=number, total=200) for number in range(200))

    threads = JobThreads(cast("Any", SimpleNamespace(follow=None)))
    said: list[tuple[str, int]] = []
    for name in "abcd":
        threads.follow(stream(name), lambda message: said.append((message.job_id, cast("Progress", message).done)))
    qtbot.waitUntil(lambda: not threads.findChildren(QObject))
    for name in "abcd":
        assert [number for whose, number in said if whose == name] == list(range(200))
    threads.close()


def test_a_flood_of_messages_leaves_room_for_everything_else(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many that are there at once are handled in many turns of the event loop, in order."""
    monkeypatch.setattr(jobs, "_TURN", 0.0)
    stream: Iterator[Message] = iter([Progress(job_id="a", stage="", done=n, total=500) for n in range(500)])
    threads = JobThreads(cast("Any", SimpleNamespace(follow=None)))
    said: list[int] = []
    turns: set[int] = set()
    turn = QTimer(threads)
    passed = iter(range(1_000_000))
    now = [0]
    turn.timeout.connect(lambda: now.__setitem__(0, next(passed)))
    turn.start(0)

    def handle(message: Message) -> None:
        said.append(cast("Progress", message).done)
        turns.add(now[0])

    threads.follow(stream, handle)
    qtbot.waitUntil(lambda: len(said) == 500)
    turn.stop()
    assert said == list(range(500))
    assert len(turns) > 100, "other timers had their turn in between"
    turn.deleteLater()
    qtbot.waitUntil(lambda: not threads.findChildren(QObject))
    threads.close()


def test_a_message_that_cannot_be_handled_holds_up_no_other(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: raised.append(error))
    stream: Iterator[Message] = iter([Progress(job_id="a", stage="", done=n, total=9) for n in range(9)])
    threads = JobThreads(cast("Any", SimpleNamespace(follow=None)))
    said: list[int] = []

    def handle(message: Message) -> None:
        number = cast("Progress", message).done
        if number % 3 == 1:
            raise ValueError(number)
        said.append(number)

    with qtbot.captureExceptions() as captured:
        threads.follow(stream, handle)
        qtbot.waitUntil(lambda: not threads.findChildren(QObject))
    assert said == [0, 2, 3, 5, 6, 8]
    assert len(captured) + len(raised) == 3
    threads.close()


def test_others_are_heard_while_a_message_waits_in_a_loop_of_its_own(qtbot: QtBot) -> None:
    stream: Iterator[Message] = iter([Progress(job_id="a", stage="", done=n, total=4) for n in range(4)])
    threads = JobThreads(cast("Any", SimpleNamespace(follow=None)))
    said: list[int] = []

    def handle(message: Message) -> None:
        said.append(cast("Progress", message).done)
        if said == [0]:
            qtbot.waitUntil(lambda: said == [0, 1, 2, 3])

    threads.follow(stream, handle)
    qtbot.waitUntil(lambda: not threads.findChildren(QObject))
    assert said == [0, 1, 2, 3]
    threads.close()
