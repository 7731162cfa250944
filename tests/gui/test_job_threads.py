"""Threads that read what jobs say: everything arrives, in order, and nothing is left of those that have ended."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

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
