"""The small pictures of a layer are made on a thread, and the numbers below them are there at once."""

import threading
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from carrier import Carrier
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from segstudio.gui.dialogs import network_inside
from segstudio.gui.dialogs.network_inside import NetworkInside
from segstudio.gui.dialogs.network_pictures import picture_of, small
from segstudio.jobs.network_report import Inside, Map
from segstudio.session.network_reports import NetworkReports, Pictures
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def _pictures(count: int) -> Pictures:
    maps = tuple(Map(channel=number, low=0.0, high=1.0) for number in range(count))
    inside = Inside(layer="a", kind="Conv2d", shape=(count, 64, 64), window=(0, 0, 64, 64), maps=maps, gradients=())
    arrays = np.random.default_rng(0).integers(0, 255, (count, 64, 64), dtype=np.uint8)
    return Pictures(inside, arrays, arrays[:0])


def test_small_pictures_come_from_a_thread(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    makers: list[threading.Thread] = []

    def noted(array: np.ndarray, side: int) -> QImage:
        makers.append(threading.current_thread())
        return small(array, side)

    monkeypatch.setattr(network_inside, "small", noted)
    carrier = Carrier()
    session = Session(carrier.posted.emit)
    reports = NetworkReports(session)
    inside = NetworkInside(session, reports, lambda _side, _centre: None)
    qtbot.addWidget(inside)
    reports.pictures = _pictures(5)
    reports.looked.emit()
    assert [inside.pictures.item(row).text() for row in range(5)] == ["0", "1", "2", "3", "4"]
    qtbot.waitUntil(lambda: all(not inside.pictures.item(row).icon().isNull() for row in range(5)))
    assert len(makers) == 5
    assert threading.main_thread() not in makers
    reports.looked.emit()  # nothing new: nothing is drawn again
    qtbot.wait(50)
    assert len(makers) == 5
    inside.let_go()
    reports.close()
    session.close()


def test_before_any_model_nobody_is_told_to_choose_one(qtbot: QtBot) -> None:
    session = Session()
    reports = NetworkReports(session)
    inside = NetworkInside(session, reports, lambda _side, _centre: None)
    qtbot.addWidget(inside)
    assert inside._empty.text().startswith("Train a model first")
    session.runs.all = (cast("Any", SimpleNamespace(id="1", name="Model 1", has_model=True)),)
    inside.forget()
    assert inside._empty.text().startswith("Choose a trained model above")
    reports.close()
    session.close()


def test_dark_is_dark_and_bright_is_bright() -> None:
    picture = picture_of(np.array([[0, 255]], np.uint8))
    assert picture.pixelColor(0, 0).name() == "#440154"
    assert picture.pixelColor(1, 0).name() == "#fde725"
