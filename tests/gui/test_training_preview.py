"""The pictures that a training shows of what its network sees."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from segstudio.gui.panels.training_preview import PreviewStrip
from segstudio.jobs.messages import Preview
from segstudio.session.background import Background


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Return the answers of a slow disk, each told when it is called."""
    answers: list[Callable[[], None]] = []
    monkeypatch.setattr(Background, "run", lambda _self, work, done: answers.append(lambda: done(work())))
    return answers


def a_preview(folder: Path, epoch: int) -> Preview:
    names = [str(folder / f"{epoch}-{name}.png") for name in ("image", "truth", "prediction")]
    for name in names:
        QImage(60, 40, QImage.Format.Format_RGB32).save(name)
    return Preview(epoch=epoch, image=names[0], truth=names[1], prediction=names[2], caption="finds 3 of 4 objects")


def test_pictures_that_come_late_are_shown_once_and_not_in_a_window_that_was_closed(
    qtbot: QtBot, tmp_path: Path, late: list[Callable[[], None]]
) -> None:
    strip = PreviewStrip(Background(lambda call: call()))
    qtbot.addWidget(strip)
    strip.show_preview(a_preview(tmp_path, 1))
    strip.show_preview(a_preview(tmp_path, 2))
    late.pop(0)()
    assert strip.height() == 0, "a newer preview is on its way"
    late.pop(0)()
    assert strip.height() > 20
    assert "After epoch 2" in strip.toolTip()
    closed = PreviewStrip(Background(lambda call: call()), enlarges=False)
    closed.show_preview(a_preview(tmp_path, 3))
    delete(closed)
    late.pop(0)()
