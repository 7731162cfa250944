"""Names that strangers gave to classes, images, projects and models are shown as they are written, never as HTML."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from carrier import Carrier
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QAction, QStandardItemModel
from PySide6.QtGui import Qt as QtText
from PySide6.QtWidgets import QAbstractItemView, QApplication, QComboBox, QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from studio import message, training_job

import segstudio
from segstudio.config.run import RunConfig
from segstudio.core.errors import BadInput
from segstudio.gui.forms.plain import plain, plain_tip
from segstudio.gui.main_window import MainWindow
from segstudio.gui.panels.training_preview import PreviewStrip
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.jobs.messages import Finished, Metric, Preview
from segstudio.project.annotation_reader import DAMAGED_LABELS
from segstudio.project.project import Project
from segstudio.session.notice import Notice
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

GUI = Path(segstudio.__file__).parent / "gui"
MARK = "PLANTED"
NAME = f"<b>x</b> <img src='//host/{MARK}.png'>"
FILE = f"<img src={MARK}><b>x.tif"


def _planted(text: str) -> bool:
    return MARK in text


def _is_html(text: str) -> bool:
    """Whether Qt would take a text, in which a planted name stands unescaped, for HTML."""
    return QtText.mightBeRichText(text) and f"<img src={MARK}" in text.replace("'//host/", "")


def _rows(model: QAbstractItemModel, parent: QModelIndex) -> Iterator[QModelIndex]:
    for row in range(model.rowCount(parent)):
        columns = model.columnCount(parent) if isinstance(model, QAbstractTableModel | QStandardItemModel) else 1
        for column in range(columns):
            index = model.index(row, column, parent)
            yield index
            if column == 0 and not isinstance(model, QAbstractListModel) and model.hasChildren(index):
                yield from _rows(model, index)


def _tips(widget: QWidget) -> Iterator[str]:
    yield widget.toolTip()
    yield from (action.toolTip() for action in widget.findChildren(QAction))
    if isinstance(widget, QAbstractItemView | QComboBox) and (model := widget.model()) is not None:
        for index in _rows(model, QModelIndex()):
            yield str(model.data(index, Qt.ItemDataRole.ToolTipRole) or "")


def assert_plain() -> int:
    """Look at every widget that there is; return how many of them show a planted name."""
    shown, wrong = 0, []
    for widget in QApplication.allWidgets():
        if isinstance(widget, QLabel) and _planted(widget.text()):
            shown += 1
            if widget.textFormat() != Qt.TextFormat.PlainText and _is_html(widget.text()):
                wrong.append(f"{type(widget).__name__} {widget.objectName()} in {_place(widget)}: {widget.text()!r}")
        if isinstance(widget, QMessageBox) and widget.textFormat() != Qt.TextFormat.PlainText:
            wrong.append(f"{widget.objectName() or type(widget).__name__} guesses HTML")
        for tip in _tips(widget):
            shown += _planted(tip)
            if _is_html(tip):
                wrong.append(f"tip of {type(widget).__name__} {widget.objectName()} in {_place(widget)}: {tip!r}")
    assert not wrong, "\n".join(wrong)
    return shown


def _place(widget: QWidget) -> str:
    names = []
    while (parent := widget.parentWidget()) is not None:
        names.append(type(parent).__name__)
        widget = parent
    return " < ".join(names[:5])


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    offer = Offer(name="joint", title="Cells", description="Finds cells.", settings={})
    network = offer.model_copy(update={"name": "unet"})
    sections = RunConfig.model_json_schema()
    store_catalogue(Catalogue(key=catalogue_key(), formulations=(offer,), architectures=(network,), sections=sections))
    images = tmp_path / "images"
    images.mkdir()
    for number, name in enumerate((FILE, f"b-{FILE}")):
        tifffile.imwrite(images / name, np.full((40, 50), number, np.uint8))
    folder = tmp_path / "project"
    Project.create(folder, [images])[0].close()
    manifest = json.loads((folder / "project.json").read_text("utf-8"))
    manifest["name"] = NAME
    manifest["classes"] = [{"id": n, "name": f"{NAME} {n}", "colour": "#ff0000"} for n in (1, 2)]
    (folder / "project.json").write_text(json.dumps(manifest), "utf-8")
    with Project.open(folder) as project:
        for number in (1, 2):
            run = project.runs_folder / f"run-{number}"
            (run / "model").mkdir(parents=True)
            job = training_job(run, f"run-{number}").model_copy(update={"name": f"{NAME} {number}"})
            (run / "job.json").write_text(job.model_dump_json())
            said = [Metric(epoch=3, step=9, elapsed_s=9, values={"val_f1": 0.87}, best=True), Finished(outcome="done")]
            (run / "events.jsonl").write_text("".join(message(job, item).model_dump_json() + "\n" for item in said))
            (run / "model" / "model.json").write_text(json.dumps({"name": NAME, "decode": {"threshold": 0.6}}))
    carrier = Carrier()
    session = Session(carrier.posted.emit)
    made = MainWindow(session)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    session.open_project(folder)
    qtbot.waitUntil(lambda: session.document is not None, timeout=20_000)
    qtbot.waitUntil(lambda: len(session.runs.all) == 2, timeout=20_000)
    yield made
    made.close()


def test_every_label_and_tip_shows_names_as_they_are(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    assert_plain()
    for entry in session.project.images:
        session.select(entry.id)
        qtbot.waitUntil(lambda entry=entry: session.document and session.document.entry.id == entry.id)
        qtbot.wait(50)
    window.banners.show_notice(Notice(f"{NAME} cannot be read.", hint=NAME))
    qtbot.wait(50)
    assert assert_plain() > 10


def test_the_tips_of_banners_and_of_the_status_bar_show_names_as_they_are(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    session, project = window.session, window.session.project
    tifffile.imwrite(
        tmp_path / "channels.tif",
        np.arange(3 * 40 * 50).reshape(3, 40, 50).astype(np.uint8),
        ome=True,
        metadata={"axes": "CYX", "Channel": {"Name": [NAME, "b", "c"]}},
    )
    tifffile.imwrite(tmp_path / FILE, np.full((40, 50), 9, np.uint8))
    assert project.add_images([tmp_path / "channels.tif", tmp_path / FILE]) == []
    *damaged, channels, gone = (entry.id for entry in project.images)
    (tmp_path / FILE).unlink()
    session.select(gone)
    qtbot.waitUntil(lambda: bool(session.front.refusals))
    for image_id in damaged:
        session.front.refusals[image_id] = BadInput("labels", code=DAMAGED_LABELS)
        session.front.refused.emit(image_id, session.front.refusals[image_id])
    session.select(channels)
    qtbot.waitUntil(lambda: session.document is not None and session.document.entry.id == channels)
    session.document.saved.emit(f"failed: {FILE} cannot be saved.")
    tips = [label.toolTip() for label in window.status.findChildren(QLabel) if _planted(label.toolTip())]
    buttons = {made.text() for made in window.banners.findChildren(QPushButton) if _planted(made.toolTip())}
    assert (len(tips), buttons) == (2, {"Look in a folder…", "Earlier states…"})
    strip, spread = window.findChild(PreviewStrip), window.measure.distribution
    strip.show_preview(Preview(epoch=1, image="", truth="", prediction="", caption=FILE))
    spread.show_values(np.ones(3), NAME)
    qtbot.waitUntil(lambda: _planted(strip.toolTip()) and _planted(spread.toolTip()))
    assert_plain()


def test_a_question_shows_its_texts_as_they_are(qtbot: QtBot) -> None:
    box = QMessageBox()
    qtbot.addWidget(box)
    box.setText(NAME)
    box.setInformativeText(NAME)
    plain(box)
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in box.findChildren(QLabel) if label.text())


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in GUI.rglob("*.py")
        if re.search(r"QMessageBox\(\w|class \w+\(QMessageBox", path.read_text("utf-8"))
    ],
)
def test_every_question_is_made_plain(path: Path) -> None:
    own_words = ("safe_mode.py", "plain.py")
    assert path.name in own_words or "plain(" in path.read_text("utf-8"), "a question that guesses HTML"


def test_a_tip_shows_a_name_as_it_is() -> None:
    assert plain_tip("a.tif\n8 × 8") == "a.tif\n8 × 8"
    assert plain_tip(f"{NAME}\n8 × 8").startswith("<p>&lt;b&gt;x&lt;/b&gt; &lt;img src=")
    assert plain_tip(f"{NAME}\n8 × 8").endswith("<br>8 × 8</p>")
