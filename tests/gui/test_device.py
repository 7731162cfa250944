"""The device: named before the first job, chosen in one place for trainings and predictions."""

from collections.abc import Iterator
from typing import cast

import pytest
from carrier import Carrier
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from segstudio.config.preferences import Preferences
from segstudio.config.run import RunConfig
from segstudio.gui.main_window import MainWindow
from segstudio.gui.panels.device_box import DeviceBox
from segstudio.io.preferences_file import preferences_path, read_preferences
from segstudio.jobs.catalogue import Catalogue, DeviceOffer, Offer, catalogue_key, store_catalogue
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

CPU = DeviceOffer(device="cpu", name="a processor, 4 cores", memory_mb=8000)
GPU = DeviceOffer(device="cuda", name="a graphics card", memory_mb=12000)


def _keep_catalogue(*devices: DeviceOffer) -> None:
    offer = Offer(name="joint", title="Cells", description="Finds cells.", settings={})
    store_catalogue(
        Catalogue(
            key=catalogue_key(),
            formulations=(offer,),
            architectures=(offer.model_copy(update={"name": "unet"}),),
            sections=RunConfig.model_json_schema(),
            devices=devices,
        )
    )


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    carrier = Carrier()
    session = Session(carrier.posted.emit)
    made = MainWindow(session)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    yield made
    made.close()


def _says(window: MainWindow) -> str:
    return cast("QLabel", window.status.findChild(QLabel, "device")).text()


def _choose(box: DeviceBox, name: str) -> None:
    """Choose as a hand does: with keys, on the box itself."""
    row = box.findText(name)
    assert row >= 0, [box.itemText(i) for i in range(box.count())]
    box.setFocus()
    while box.currentIndex() != row:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down if row > before else Qt.Key.Key_Up)
        assert box.currentIndex() != before


def test_the_device_is_named_before_the_first_job(window: MainWindow, qtbot: QtBot) -> None:
    assert _says(window) == ""
    _keep_catalogue(GPU, CPU)
    window.session.jobs.want_catalogue(make=False)
    qtbot.waitUntil(lambda: _says(window) == GPU.name)


def test_what_is_chosen_in_predict_is_chosen_in_train_and_after_a_restart(window: MainWindow, qtbot: QtBot) -> None:
    _keep_catalogue(GPU, CPU)
    window.session.jobs.want_catalogue(make=False)
    qtbot.waitUntil(lambda: window.session.jobs.catalogue is not None)
    train, predict = window.training.findChild(DeviceBox), window.prediction.findChild(DeviceBox)
    _choose(predict, CPU.name)
    assert train.currentText() == CPU.name
    assert _says(window) == CPU.name
    assert window.training.setup.wish().device == "cpu"
    qtbot.waitUntil(lambda: read_preferences(preferences_path()).device == "cpu")
    assert Session().devices.chosen == "cpu"


def test_a_device_that_is_not_there_any_more_is_not_asked_for(window: MainWindow, qtbot: QtBot) -> None:
    window.session.set_preferences(Preferences(device="cuda"))
    assert window.session.devices.chosen == "cuda", "nobody knows better yet"
    _keep_catalogue(CPU)
    window.session.jobs.want_catalogue(make=False)
    qtbot.waitUntil(lambda: _says(window) == CPU.name)
    assert window.session.devices.chosen == "auto"
    assert window.training.findChild(DeviceBox).currentText() == "automatic"
