"""The panels of the four steps and the drawer, on a real project; trainings are played by messages."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyqtgraph as pg
import pytest
from factories import cells, discs, grid_of_squares, write_pairs
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QImage
from PySide6.QtWidgets import QCheckBox, QColorDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from segstudio.config.run import RunConfig
from segstudio.core.tiles import Window
from segstudio.gui.dialogs.export import ExportDialog
from segstudio.gui.forms.parts import Column
from segstudio.gui.jobs import JobThreads
from segstudio.gui.panels.curves import CurvesPanel
from segstudio.gui.panels.instances import InstancesPanel
from segstudio.gui.panels.jobs import JobsPanel
from segstudio.gui.panels.label_step import LabelPanel
from segstudio.gui.panels.measure import MeasurePanel
from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.io.disk import DiskError
from segstudio.io.labels_file import write_label_tiff
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.jobs.messages import Failed, Finished, Message, Metric, Preview, Progress, Started, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, DecodeJob, TrainJob
from segstudio.labels.edits import RegionFill
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels
from segstudio.session.notice import Notice
from segstudio.session.object_list import Row
from segstudio.session.predictions import prediction_at
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

ROOT = Path(__file__).resolve().parents[2]
#: The decoder settings that every formulation has.
DECODE = {
    "properties": {
        "threshold": {"type": "number", "minimum": 0.02, "maximum": 0.98, "default": 0.5, "title": "Threshold"},
        "min_size": {"type": "integer", "minimum": 0, "default": 15, "title": "Smallest object", "unit": "px"},
    }
}
DEPTH = {"properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 6, "default": 3, "title": "Depth"}}}


class Carrier(QObject):
    posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.posted.connect(lambda call: call(), Qt.ConnectionType.QueuedConnection)


class Launcher:
    """Trainings that say what the test says, through the queue's own door."""

    def __init__(self) -> None:
        self.started: list[TrainJob] = []
        self.sent: list[str] = []

    def start(self, job: TrainJob) -> Any:
        self.started.append(job)
        return SimpleNamespace(messages=lambda: iter(()), send=self.sent.append, close=lambda: None)

    attach = start


class Studio:
    def __init__(self, folder: Path, qtbot: QtBot) -> None:
        self.folder, self.qtbot = folder, qtbot
        self.carrier = Carrier()
        self.session = Session(self.carrier.posted.emit)
        self.launcher = Launcher()
        self.session.jobs.trainings.launcher = cast("Any", self.launcher)
        self.threads = JobThreads(self.session.jobs)
        self.notices: list[str] = []
        self.session.noticed.connect(lambda notice: self.notices.append(notice.message))
        offer = Offer(name="joint", title="Cells", description="Finds cells.", settings={}, decode=DECODE)
        network = Offer(name="unet", title="U-Net", description="A network.", settings=DEPTH)
        store_catalogue(
            Catalogue(
                key=catalogue_key(),
                formulations=(offer,),
                architectures=(network,),
                sections=RunConfig.model_json_schema(),
            )
        )

    @property
    def runs_folder(self) -> Path:
        assert self.session.project is not None
        return self.session.project.runs_folder

    def show(self, panel: Any, width: int = 320, height: int = 700) -> Any:
        self.qtbot.addWidget(panel)
        panel.resize(width, height)
        panel.show()
        return panel

    def until(self, reached: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(reached()), timeout=20_000)

    def open(self, count: int = 3) -> None:
        write_pairs(self.folder / "data", count, (96, 96))
        self.session.create_project(self.folder / "project", [self.folder / "data" / "images"])
        self.until(lambda: self.session.document)

    def label(self, labels: Any) -> None:
        document = self.session.document
        assert document is not None
        infos = {int(i): ObjectInfo() for i in np.unique(labels) if i}
        document.apply(PasteLabels(labels, Window.whole(labels.shape), infos))

    def label_images(self, count: int = 2) -> None:
        project = self.session.project
        assert project is not None
        for number, entry in enumerate(project.images[:count]):
            project.set_split(entry.id, "val" if number == 0 else "train")
            self.session.select(entry.id)
            self.until(lambda entry=entry: self.session.document and self.session.document.entry.id == entry.id)
            self.label(cells((96, 96), seed=number).labels)
        self.session.images_changed.emit()

    def propose(self, labels: Any) -> None:
        """Write a prediction of the image in front, as a worker does, and show it."""
        session = self.session
        assert session.project is not None
        assert session.document is not None
        place = prediction_at(session.project, "run-1", session.project.entry(session.document.entry.id))
        place.labels.parent.mkdir(parents=True, exist_ok=True)
        write_label_tiff(place.labels, LabelMap.from_array(labels))
        ids = [int(i) for i in np.unique(labels) if i]
        rows = {str(i): {"class_id": 1, "score": i / (1 + max(ids))} for i in ids}
        place.table.write_text(json.dumps({"schema_version": 1, "objects": rows}))
        place.maps.write_bytes(b"maps")
        session.review.predicted(session.document.entry.id, "run-1")
        self.until(lambda: session.review.total == len(ids))

    def model(self, run: str = "run-1") -> None:
        """Write a run with a model, as a training leaves it."""
        assert self.session.project is not None
        folder = self.session.project.runs_folder / run
        (folder / "model").mkdir(parents=True)
        job = training_job(folder, run)
        (folder / "job.json").write_text(job.model_dump_json())
        events = [message(job, Metric(epoch=3, step=9, elapsed_s=9, values={"val_f1": 0.87}, best=True))]
        events.append(message(job, Finished(outcome="done")))
        (folder / "events.jsonl").write_text("".join(item.model_dump_json() + "\n" for item in events))
        (folder / "model" / "model.json").write_text('{"decode": {"threshold": 0.6}}')
        self.session.runs.refresh()
        self.until(lambda: self.session.runs.run(run))

    def close(self) -> None:
        self.session.close()
        self.threads.close()


def training_job(folder: Path, job_id: str = "run-1") -> TrainJob:
    return TrainJob(
        job_id=job_id,
        name="Nuclei",
        run_folder=folder,
        samples=(),
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="joint"),
        device="cpu",
    )


def message(job: TrainJob, said: Message) -> Message:
    return said.model_copy(update={"job_id": job.job_id})


@pytest.fixture
def studio(tmp_path: Path, qtbot: QtBot) -> Iterator[Studio]:
    made = Studio(tmp_path, qtbot)
    yield made
    made.close()


def test_classes_are_added_chosen_and_renamed(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    project = studio.session.project
    assert project is not None
    panel.classes.add()
    assert studio.session.view.class_id == 2
    panel.classes.item(1).setText("mitotic")
    assert project.classes.names == ("cell", "mitotic")
    panel.classes.item(0).setText("mitotic")
    assert project.classes.names == ("cell", "mitotic")
    assert "mitotic" in studio.notices[-1]
    panel.classes.setCurrentRow(0)
    assert studio.session.view.class_id == 1


def test_a_class_tells_the_number_that_settings_and_files_call_it(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    panel.classes.add()
    panel.classes.add()
    assert studio.session.project is not None
    studio.session.project.set_classes(studio.session.project.classes.remove(2))
    tips = [panel.classes.item(row).toolTip() for row in range(2)]
    assert tips == ["cell: number 1, key 1", "class 3: number 3, key 2"]


# Said by the offscreen platform of every menu.
@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_class_gets_another_colour_which_is_kept(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    project = studio.session.project
    assert project is not None
    place = panel.classes.visualItemRect(panel.classes.item(0)).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, panel.classes.viewport().mapToGlobal(place))
    panel.classes.contextMenuEvent(event)
    colours = {action.text(): action for menu in panel.classes.findChildren(QMenu) for action in menu.actions()}
    colours["Vermillion"].trigger()
    assert project.classes[1].colour == "#d55e00"
    panel.classes.contextMenuEvent(event)
    colours = {action.text(): action for menu in panel.classes.findChildren(QMenu) for action in menu.actions()}
    colours["Other…"].trigger()
    dialog = panel.classes.findChild(QColorDialog, "class-colour")
    dialog.setCurrentColor(QColor("#123456"))
    dialog.accept()
    assert project.classes[1].colour == "#123456"
    studio.until(lambda: '"#123456"' in (project.folder / "project.json").read_text())


def test_overlays_follow_the_view_and_the_view_follows_them(studio: Studio) -> None:
    panel = studio.show(LabelPanel(studio.session))
    named = {box.text(): box for box in panel.findChildren(QCheckBox)}
    named["Rotated boxes"].click()
    assert studio.session.view.show_boxes
    studio.session.view.show_fill = False
    assert not named["Filled labels"].isChecked()
    named["Colour by class"].click()
    assert studio.session.view.colour_by == "class"


def test_a_finished_image_is_stated_by_one_edit_that_can_be_undone(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    document = studio.session.document
    assert document is not None
    (stated,) = (box for box in panel.findChildren(QCheckBox) if "completely" in box.text())
    assert not stated.isChecked()
    stated.click()
    assert (document.planes.regions.to_array() == 1).all()
    assert stated.isChecked()
    assert studio.session.states.state(document.entry.id) == "labelled", "before any file is written"
    document.undo()
    assert studio.session.states.state(document.entry.id) == "empty"
    assert not document.planes.regions.to_array().any()
    assert not stated.isChecked()
    document.redo()
    assert stated.isChecked()
    stated.click()
    assert not document.planes.regions.to_array().any()


def test_one_pixel_that_is_not_stated_is_seen(studio: Studio) -> None:
    studio.open()
    panel, document = studio.show(LabelPanel(studio.session)), studio.session.document
    (stated,) = (box for box in panel.findChildren(QCheckBox) if "completely" in box.text())
    document.apply(RegionFill(None, 1))
    document.apply(RegionFill(Window(3, 3, 4, 4), 2))
    assert stated.isChecked()
    document.apply(RegionFill(Window(3, 3, 4, 4), 0))
    assert not stated.isChecked()


def test_a_step_that_cannot_work_yet_says_why_and_offers_the_way(studio: Studio) -> None:
    training = studio.show(TrainingPanel(studio.session))
    prediction = studio.show(PredictionPanel(studio.session))
    assert "Open a folder" in training._empty.text()
    studio.open()
    studio.until(lambda: "Label about 10 cells" in training._empty.text())
    with studio.qtbot.waitSignal(training.step_wanted) as wanted:
        training._empty.press()
    assert wanted.args == [0]
    assert "There is no model yet" in prediction._empty.text()
    with studio.qtbot.waitSignal(prediction.step_wanted) as wanted:
        prediction._empty.press()
    assert wanted.args == [1]


def test_epochs_alone_show_no_limit_of_minutes(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.until(lambda: studio.session.jobs.catalogue)
    minutes, epochs = (panel.setup.form.rows[f"training.{name}"] for name in ("max_minutes", "epochs"))
    epochs.editor.set_value(40)
    epochs._on_changed()
    assert minutes.editor.value() == 0
    epochs.editor.set_value(0)
    epochs._on_changed()
    assert minutes.editor.value() == 10
    minutes.set_value(3.0)
    epochs.editor.set_value(40)
    epochs._on_changed()
    assert minutes.editor.value() == 3


def test_when_every_labelled_image_is_set_aside_train_says_so(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.label_images(2)
    project = studio.session.project
    assert project is not None
    for entry in project.images[:2]:
        project.set_split(entry.id, "val")
    studio.session.images_changed.emit()
    studio.until(lambda: "set aside for validation or test" in panel._empty.text())
    assert not panel.setup.isVisible()
    panel.start()
    studio.until(lambda: any("nothing to train on" in said for said in studio.notices))


def test_the_form_starts_a_training_on_what_is_saved(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.label_images(2)
    studio.until(lambda: "Trains on 1 image" in panel.summary_text())
    studio.until(lambda: studio.session.jobs.catalogue)
    panel.setup.form.set_values({"training.max_minutes": 2.0, "architecture.depth": 4})
    shown: list[bool] = []
    panel.curves_wanted.connect(lambda: shown.append(True))
    panel.start()
    studio.until(lambda: studio.launcher.started)
    assert shown, "the curves come into sight"
    (job,) = studio.launcher.started
    assert job.config == {"training": {"max_minutes": 2.0}}
    assert job.architecture == Choice(name="unet", settings={"depth": 4})
    assert sorted(sample.split for sample in job.samples) == ["train", "val"]
    assert all(sample.labels is not None and sample.labels.is_file() for sample in job.samples)
    assert panel.live.isVisible()


def test_the_form_says_what_it_waits_for(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as waiting:
        waiting.setattr(studio.session.jobs, "want_catalogue", lambda: None)
        panel = studio.show(TrainingPanel(studio.session))
        studio.open()
        studio.label_images(2)
        studio.until(lambda: "Trains on" in panel.summary_text())
        assert panel._empty.isVisible()
        assert "Reading which networks" in panel._empty.text()
        assert not panel.setup.isVisible()
    studio.session.jobs.want_catalogue()
    studio.until(panel.setup.isVisible)
    assert not panel._empty.isVisible()


def test_going_on_with_a_finished_training_says_that_it_is_finished(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.model("run-1")
    (run,) = studio.session.runs.all
    assert run.status == "done"
    panel.runs.list.selectAll()
    panel.runs.resume()
    assert "is finished" in studio.notices[-1]
    assert not studio.launcher.started


def test_the_model_to_start_from_stays_chosen_when_the_runs_are_read_again(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.model("run-1")
    panel.setup._start_from.setCurrentIndex(1)
    studio.model("run-2")
    (run,) = [run for run in studio.session.runs.all if run.id == "run-1"]
    assert panel.setup.wish().start_from == run.model


def test_the_name_that_is_offered_is_free(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    assert panel.setup.wish().name == "Model 1"
    studio.model("run-1")
    (run,) = studio.session.runs.all
    studio.session.runs.rename(run, "Model 2")
    studio.until(lambda: panel.setup.wish().name == "Model 3")


def test_an_empty_validation_set_and_a_missing_class_are_said_before_training(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    project = studio.session.project
    assert project is not None
    project.set_classes(project.classes.add("mitotic"))
    for entry in project.images:
        project.set_split(entry.id, "train")
    studio.label(cells((96, 96)).labels)
    studio.until(lambda: "validation set is empty" in panel.summary_text())
    assert "0 images" not in panel.summary_text()
    assert "mitotic" in panel.summary_text()


def test_a_warning_that_goes_does_not_move_the_form(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    project = studio.session.project
    assert project is not None
    studio.label_images()
    for entry in project.images:
        project.set_split(entry.id, "train")
    studio.session.images_changed.emit()
    studio.until(lambda: "validation set is empty" in panel.summary_text())
    studio.qtbot.wait(20)
    height = panel._footer.height()
    assert panel._warning.height() >= 16
    project.set_split(project.images[0].id, "val")
    studio.session.images_changed.emit()
    studio.until(lambda: "validation set is empty" not in panel.summary_text())
    studio.qtbot.wait(20)
    assert panel._footer.height() == height
    panel.hide()
    panel.show()
    studio.qtbot.wait(20)
    assert panel._footer.height() < height, "the room is not kept for ever"


def test_all_settings_of_a_training_are_as_wide_as_each_other(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    studio.model()
    studio.label_images()
    studio.until(lambda: panel.summary_text().startswith("Trains on"))
    boxes = [panel.setup._architecture, panel.setup._start_from]
    boxes += [row.editor for row in panel.setup.form.rows.values() if row.isVisible()]
    assert len(boxes) > 4
    assert len({box.width() for box in boxes}) == 1


def test_what_is_wrong_with_a_setting_is_shown_at_its_field(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.label_images(2)
    studio.until(lambda: "Trains on" in panel.summary_text() and studio.session.jobs.catalogue)
    panel.show_errors({"architecture.depth": "Too deep for patches of 32."})
    assert panel.setup.form.rows["architecture.depth"].error() == "Too deep for patches of 32."
    assert not panel._train.isEnabled()
    studio.session.jobs.changed.emit("another")
    assert not panel._train.isEnabled()
    panel.show_errors({})
    assert panel._train.isEnabled()


def test_the_read_out_says_in_words_how_the_training_goes(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    jobs = studio.session.jobs
    job = training_job(studio.runs_folder / "run")
    jobs.start_training(job)
    assert panel.live.words() == "Starting …"

    def say(said: Message) -> None:
        jobs.handle(message(job, said))

    say(Started(device="cpu", device_name="a processor", pid=1))
    say(Progress(stage="Reading images", done=1, total=4))
    assert panel.live.words() == "Reading images …"
    say(Metric(epoch=0.5, step=5, elapsed_s=15, values={"val_f1": 0.2, "val_iou": 0.1}, best=True))
    assert panel.live.words() == "F1 0.20 on the validation images at the first look."
    say(Metric(epoch=1, step=10, elapsed_s=30, values={"val_f1": 0.0, "val_iou": 0.1}, best=True))
    assert panel.live.words() == "F1 0.00 on the validation images; the first objects take a while."
    say(Metric(epoch=2, step=20, elapsed_s=60, values={"val_f1": 0.8, "val_iou": 0.7}, best=True))
    assert panel.live.words() == "F1 0.80 on the validation images; still improving."
    say(Preview(epoch=2, image="", truth="", prediction="", caption="finds 9 of 10 objects"))
    say(Metric(epoch=3, step=30, elapsed_s=70, values={"val_f1": 0.7}))
    assert panel.live.words() == "Finds 9 of 10 objects; the best was at epoch 2."
    say(Metric(epoch=9, step=90, elapsed_s=90, values={"val_f1": 0.7}))
    assert panel.live.words() == "Finds 9 of 10 objects; no better since epoch 2."
    panel.live._pause.click()
    studio.until(lambda: "pause" in studio.launcher.sent)
    panel.live._stop.click()
    studio.until(lambda: "stop" in studio.launcher.sent)
    say(Finished(outcome="stopped"))
    assert not panel.live.isVisible()


def test_the_list_of_trainings_says_what_they_find(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    studio.model()
    studio.until(lambda: studio.session.jobs.catalogue)
    assert panel.runs.list.item(0).text() == "Nuclei\nF1 0.87  ·  Cells"
    assert "Cells, U-Net" in panel.runs.list.item(0).toolTip()


def test_no_inner_name_is_shown_before_the_titles_are_known(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    studio.model()
    studio.until(lambda: panel.runs.list.count() == 1)
    studio.session.jobs.catalogue = None
    panel.runs.refresh()
    assert panel.runs.list.item(0).text() == "Nuclei\nF1 0.87"
    assert "joint" not in panel.runs.list.item(0).toolTip()
    assert "\n\n" not in panel.runs.list.item(0).toolTip()


def test_a_training_that_cannot_go_on_says_why_and_its_failure_goes_when_it_does(studio: Studio) -> None:
    studio.open()
    session = studio.session
    panel = studio.show(TrainingPanel(session))
    assert session.project is not None
    job = training_job(session.project.runs_folder / "run-1")
    RunFolder.create(job)
    session.jobs.start_training(job)
    told: list[Notice] = []
    session.noticed.connect(told.append)
    begun: list[str] = []
    session.runs.began.connect(begun.append)
    session.jobs.handle(message(job, Started(device="cpu", device_name="a processor", pid=1)))
    session.jobs.handle(message(job, Failed(code="worker-died", message="It ended.", hint="")))
    studio.until(lambda: panel.runs.list.count() == 1 and session.runs.training is None)
    assert begun == [told[-1].about], "when it begins again, what is said about its failure is found"
    panel.runs.list.selectAll()
    assert not panel.runs._resume.isEnabled()
    assert "before its first checkpoint" in panel.runs._resume.toolTip()
    session.runs.all = tuple(replace(run, has_model=True) for run in session.runs.all)  # as one from elsewhere
    panel.runs._on_selection()
    assert "choose it at Start from" in panel.runs._resume.toolTip()


def test_the_list_of_trainings_follows_a_training(studio: Studio) -> None:
    studio.open()
    session = studio.session
    panel = studio.show(TrainingPanel(session))
    assert session.project is not None
    job = training_job(session.project.runs_folder / "run-1")
    RunFolder.create(job)
    session.jobs.start_training(job)
    session.jobs.handle(message(job, Started(device="cpu", device_name="a processor", pid=1)))
    studio.until(lambda: panel.runs.list.count() == 1)
    for found in (0.2, 0.83):
        session.jobs.handle(message(job, Metric(epoch=1, step=20, elapsed_s=60, values={"val_f1": found}, best=True)))
        assert f"F1 {found:.2f}" in panel.runs.list.item(0).text()
    session.jobs.handle(message(job, Metric(epoch=2, step=40, elapsed_s=90, values={"val_f1": 0.7})))
    assert "F1 0.83" in panel.runs.list.item(0).text()
    session.jobs.handle(message(job, Finished(outcome="stopped")))


def test_nothing_is_cut_off_beside_a_scroll_bar(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session), 320, 400)
    studio.model()
    studio.label_images()
    studio.until(lambda: panel.summary_text().startswith("Trains on"))
    panel.runs.list.selectAll()
    column = panel.findChild(Column)
    studio.until(lambda: column.verticalScrollBar().isVisible())
    assert column.widget().width() <= column.viewport().width()


def test_a_long_name_of_a_device_is_cut_and_told_by_the_tooltip(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    job = training_job(studio.runs_folder / "run")
    studio.session.jobs.start_training(job)
    name = "NVIDIA RTX 6000 Ada Generation Laptop GPU with a very long name indeed"
    studio.session.jobs.handle(message(job, Started(device="cuda", device_name=name, pid=1)))
    label = panel.live._figures._labels["device"]
    studio.until(lambda: label.text().endswith("…"))
    assert len(label.text()) > 20
    assert name in label.toolTip()


def test_the_preview_is_read_in_the_background(studio: Studio, tmp_path: Path) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    job = training_job(studio.runs_folder / "run")
    studio.session.jobs.start_training(job)
    names = []
    for number in range(3):
        names.append(str(tmp_path / f"{number}.png"))
        QImage(30, 20, QImage.Format.Format_RGB32).save(names[-1])
    studio.session.jobs.handle(
        message(job, Preview(epoch=2, image=names[0], truth=names[1], prediction=names[2], caption=""))
    )
    assert not panel.live.preview._pictures
    studio.until(lambda: len(panel.live.preview._pictures) == 3)
    assert panel.live.preview.height() > 20


def test_curves_are_drawn_with_names_best_epoch_and_several_runs(studio: Studio) -> None:
    panel = studio.show(CurvesPanel(studio.session), 900, 260)
    curves = studio.session.jobs.curves
    for run in ("a", "b"):
        for epoch in range(1, 6):
            values = {"train_loss": 1 / epoch, "val_loss": 2 / epoch, "val_f1": epoch / 6}
            curves.add(run, Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values=values, best=True))
    curves.show(["a"])
    studio.until(lambda: panel.plotted() == ["training", "validation"])
    assert panel._hover.toolTip() == "a", "a single training is named"
    panel._plot.hovered.emit("epoch 2:  training 0.5")
    assert panel._hover.toolTip() == "a  ·  epoch 2:  training 0.5"
    curves.name_run("b", "Second")
    curves.show(["a", "b"])
    studio.until(lambda: len(panel.plotted()) == 4)
    assert "Second: validation" in panel.plotted()
    panel._figure.setCurrentIndex(1)
    assert panel.plotted() == ["a: F1", "Second: F1"]
    least = panel.minimumSizeHint().width()
    panel._plot.hovered.emit("epoch 7:" + "  a: F1 0.8" * 40)
    assert panel.minimumSizeHint().width() == least, "words under the pointer must not widen the window"
    panel._log.click()
    assert len(panel.plotted()) == 2


@pytest.mark.parametrize("figure", [0, 1])
@pytest.mark.parametrize("epochs", [1, 2, 12])
def test_no_words_lie_on_one_another_in_the_plot(studio: Studio, figure: int, epochs: int) -> None:
    panel = studio.show(CurvesPanel(studio.session), 900, 200)
    curves = studio.session.jobs.curves
    for epoch in range(1, epochs + 1):
        values = {"train_loss": 1 / epoch, "val_loss": 1.1 / epoch, "val_f1": 1 - 1 / (1 + epoch), "val_iou": 0.8}
        curves.add("a", Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values=values, best=True))
    curves.show(["a"])
    panel._figure.setCurrentIndex(figure)
    studio.until(lambda: len(panel.plotted()) == 2)
    plot = panel._plot._plot
    studio.qtbot.wait(50)
    words = [item for item in plot.scene().items() if isinstance(item, pg.TextItem) and item.isVisible()]
    places = [item.textItem.mapRectToScene(item.textItem.boundingRect()) for item in words]
    assert len(places) == (2 if epochs == 1 else 3)
    view = plot.getPlotItem().vb.sceneBoundingRect()
    assert all(view.left() <= place.left() and place.right() <= view.right() + 1 for place in places)
    margin = words[0].textItem.document().documentMargin()
    letters = [place.adjusted(margin, margin, -margin, -margin) for place in places]
    for one, other in itertools.combinations(letters, 2):
        overlap = one.intersected(other)
        assert overlap.height() < 1 or overlap.width() < 1, [item.toPlainText() for item in words]
    assert all(float(text).is_integer() for text in plot.getPlotItem().getAxis("bottom").tickStrings([1, 2], 1, 1))


def test_the_end_of_a_training_says_how_good_the_model_is(studio: Studio, tmp_path: Path) -> None:
    studio.open()
    job = training_job(tmp_path / "run")
    studio.session.jobs.start_training(job)
    studio.session.jobs.handle(message(job, Finished(outcome="stopped", summary={"f1": 0.841})))
    assert [notice for notice in studio.notices if notice.endswith("is ready: F1 0.84.")]


def test_a_model_that_finds_nothing_is_no_good_news(studio: Studio) -> None:
    studio.open()
    job, told = training_job(studio.runs_folder / "run"), []
    studio.session.noticed.connect(told.append)
    studio.session.jobs.start_training(job)
    studio.session.jobs.handle(message(job, Finished(outcome="done", summary={"f1": 0.0})))
    assert [notice.level for notice in told] == ["warning"]
    assert told[0].text == "Nuclei is trained, but finds nothing yet: F1 0.00. The step Train says what may help."


def test_the_list_of_jobs_says_what_runs_and_why_it_failed(studio: Studio, tmp_path: Path) -> None:
    panel = studio.show(JobsPanel(studio.session), 900, 260)
    jobs = studio.session.jobs
    job = training_job(tmp_path / "run")
    jobs.start_training(job)
    jobs.handle(message(job, Progress(stage="Training", done=3, total=20, remaining_s=250)))
    assert panel.rows["run-1"].words() == "runs Training  ·  3/20  ·  4:10 left"
    jobs.handle(message(job, Failed(code="out-of-memory", message="The memory is full.", hint="Take fewer patches.")))
    assert panel.rows["run-1"].words() == "failed The memory is full. Take fewer patches."


def test_proposals_are_counted_accepted_and_come_back_with_undo(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.propose(discs((96, 96), [(20, 20), (20, 60), (60, 20)], 8))
    assert panel.proposals.counter() == "Proposals: 3 of 3 left"
    studio.until(lambda: panel.proposals._accept_all.text() == "Accept all 3")
    document = studio.session.document
    assert document is not None
    panel.proposals.accept_all()
    assert len(document.planes.objects) == 3
    assert panel.proposals.counter() == "Proposals: 0 of 3 left"
    document.undo()
    assert panel.proposals.counter() == "Proposals: 3 of 3 left"


def test_editing_a_proposal_selects_the_new_object_with_the_brush(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.propose(discs((96, 96), [(20, 20), (20, 60)], 8))
    studio.session.walk.next_pending()
    panel.proposals.edit_current()
    view = studio.session.view
    assert view.selected == {view.current_object}
    assert view.tool == "brush"


def test_proposals_on_hand_drawn_objects_are_left_and_the_user_is_told(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.label(discs((96, 96), [(20, 20)], 8))
    studio.propose(discs((96, 96), [(20, 20), (60, 60)], 8))
    studio.until(lambda: panel.proposals._accept_all.text() == "Accept 1 of 2")
    panel.proposals.accept_all()
    assert panel.proposals.counter() == "Proposals: 1 of 2 left"
    studio.until(lambda: not panel.proposals._accept_all.isEnabled())
    assert "1 proposal was left" in studio.notices[-1]


def test_the_keys_of_a_button_that_turns_grey_do_not_go_to_its_neighbour(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.label(discs((96, 96), [(20, 20)], 8))
    studio.propose(discs((96, 96), [(20, 20), (60, 60)], 8))
    studio.until(lambda: panel.proposals._accept_all.text() == "Accept 1 of 2")
    panel.activateWindow()
    panel.proposals._accept_all.setFocus()
    studio.until(panel.proposals._accept_all.hasFocus)
    with studio.qtbot.waitSignal(panel.asked):  # the window gives the keys to the image
        panel.proposals._accept_all.click()


def test_editing_a_proposal_on_a_hand_drawn_object_says_why_nothing_happens(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.label(discs((96, 96), [(20, 20)], 8))
    studio.propose(discs((96, 96), [(20, 20)], 8))
    studio.session.walk.next_pending()
    panel.proposals.edit_current()
    assert studio.session.review.pending_count == 1
    assert "1 proposal was left" in studio.notices[-1]


def test_a_slider_decodes_again_with_the_settings_of_the_model(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.model()
    studio.until(lambda: not panel.decode.is_empty)
    studio.propose(discs((96, 96), [(20, 20)], 8))
    asked: list[DecodeJob] = []
    monkeypatch.setattr(studio.session.jobs, "decode", asked.append)
    assert panel.decode.values() == {"threshold": 0.6, "min_size": 15}
    slider = panel.decode.slider("threshold")
    for place in (20, 30, 40):
        slider._slider.setValue(place)
    studio.until(lambda: asked)
    assert len(asked) == 1
    assert asked[0].decode["threshold"] == pytest.approx(slider.value(), abs=1e-4)


def test_all_images_are_predicted_with_the_chosen_model(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.open(3)
    panel = studio.show(PredictionPanel(studio.session))
    studio.model()
    asked: list[Any] = []
    monkeypatch.setattr(studio.session.jobs, "predict", lambda job, _title: asked.append(job) or job.job_id)
    panel._scope.button(2).click()
    studio.session.devices.choose("cpu")
    assert panel._predict.text() == "Predict 3 images"
    panel.predict()
    studio.until(lambda: asked)
    project = studio.session.project
    assert project is not None
    assert asked[0].model == project.runs_folder / "run-1" / "model"
    assert asked[0].device == "cpu"
    assert [image.image_id for image in asked[0].images] == [entry.id for entry in project.images]
    assert all(image.output.parent == project.predictions_folder / "run-1" for image in asked[0].images)


def test_labels_are_in_their_file_before_a_prediction_and_a_training_begin(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", hint="Make room.", code="disk-full")

    studio.open(2)
    predict, train = studio.show(PredictionPanel(studio.session)), studio.show(TrainingPanel(studio.session))
    studio.model()
    studio.until(lambda: studio.session.jobs.catalogue)
    project, document = studio.session.project, studio.session.document
    assert project is not None
    assert document is not None
    began: list[bool] = []
    drawn = project.label_path(document.entry.id)
    monkeypatch.setattr(studio.session.jobs, "predict", lambda job, _t: began.append(drawn.is_file()) or job.job_id)
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.checkpoint.write_tiles", refuse)
        studio.label(cells((96, 96), seed=1).labels)
        predict.predict()
        assert not predict._predict.isEnabled(), "a second click would predict twice"
        studio.until(lambda: any("could not be saved" in sentence for sentence in studio.notices))
        assert document.entry.name in studio.notices[-1]
        studio.notices.clear()
        train.start()
        studio.until(lambda: any("could not be saved" in sentence for sentence in studio.notices))
        assert not began
        assert not studio.launcher.started
    studio.until(predict._predict.isEnabled)
    predict.predict()
    studio.until(lambda: began)
    assert began == [True]


def test_nothing_starts_in_a_project_that_was_closed_while_its_labels_were_saved(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open(2)
    predict, train = studio.show(PredictionPanel(studio.session)), studio.show(TrainingPanel(studio.session))
    studio.label_images(2)
    studio.model()
    studio.until(lambda: studio.session.jobs.catalogue)
    asked: list[Any] = []
    monkeypatch.setattr(studio.session.jobs, "predict", lambda job, _title: asked.append(job) or job.job_id)
    predict.predict()
    train.start()
    studio.session.close_project()
    studio.until(lambda: not (predict._asked or train._busy))
    assert not asked
    assert not studio.launcher.started


def test_a_new_model_is_offered_unless_proposals_of_another_are_reviewed(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.model("run-1")
    assert panel._model.currentData() == "run-1"
    studio.model("run-2")
    assert panel._model.currentData() == "run-2"
    panel._model.setCurrentIndex(panel._model.findData("run-1"))
    studio.session.runs.refresh()
    studio.propose(discs((96, 96), [(20, 20)], 8))
    studio.model("run-3")
    assert panel._model.currentData() == "run-1"
    panel.choose("run-2")
    assert f"The proposals in sight are of {studio.session.runs.run('run-1').name}." in panel.decode.words()
    panel.choose("run-1")
    assert "The proposals in sight" not in panel.decode.words()
    panel.proposals.accept_all()
    studio.model("run-4")
    assert panel._model.currentData() == "run-4"


def test_thresholds_of_a_prediction_whose_maps_are_gone_say_so(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.model()
    studio.until(lambda: not panel.decode.is_empty)
    studio.propose(discs((96, 96), [(20, 20)], 8))
    studio.session.review.prediction.maps.unlink()
    panel.decode.slider("threshold")._slider.setValue(20)
    studio.until(lambda: studio.notices and "not on the disk any more" in studio.notices[-1])


def test_the_selection_of_table_and_canvas_is_one(studio: Studio) -> None:
    studio.open()
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    studio.label(grid_of_squares((96, 96)))
    studio.until(lambda: panel.model.rowCount() == 81)
    studio.session.view.selected = frozenset({3, 4, 40})
    studio.until(lambda: panel.selected_ids() == {3, 4, 40})
    panel.view.selectRow(6)
    assert studio.session.view.selected == {7}
    with studio.qtbot.waitSignal(panel.fly_to) as flown:
        panel.view.clicked.emit(panel.model.index(6, 0))
    assert flown.args == [7]
    panel.delete_selected()
    document = studio.session.document
    assert document is not None
    assert 7 not in document.planes.objects
    studio.until(lambda: panel.model.rowCount() == 80)


def test_rows_are_sorted_and_filtered_and_the_selection_stays_with_its_objects(studio: Studio) -> None:
    studio.open()
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    labels = discs((96, 96), [(20, 20)], 4)
    labels[discs((96, 96), [(60, 60)], 12) > 0] = 2
    studio.label(labels)
    studio.until(lambda: panel.model.data(panel.model.index(0, 3)) == "49")
    panel.view.selectRow(0)
    panel.view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert panel.model.object_at(0) == 2
    assert panel.selected_ids() == {1}
    panel._filter.setText(">100")
    assert panel.model.rowCount() == 1
    panel._filter.setText("model")
    assert panel.model.rowCount() == 0
    panel._filter.clear()
    assert panel.model.rowCount() == 2


def test_of_ten_thousand_rows_only_the_visible_ones_are_drawn(studio: Studio) -> None:
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    rng = np.random.default_rng(0)
    rows = [Row(i, 1, "hand", float(rng.integers(900)), 9.0, 5.0, 0.0, 50.0) for i in range(1, 10_001)]
    panel.model.show_rows(rows, "px", None)
    panel.model.sort(3, Qt.SortOrder.DescendingOrder)
    panel.model.filter(">450")
    assert 4000 < panel.model.rowCount() < 6000
    panel._pages.setCurrentIndex(1)
    asked: list[int] = []
    look = panel.model.data
    panel.model.data = lambda index, *role: asked.append(index.row()) or look(index, *role)  # type: ignore[method-assign]
    panel.view.scrollTo(panel.model.index(3800, 0))
    panel.view.grab()
    assert 0 < len(set(asked)) < 100


def test_ten_thousand_selected_rows_are_not_followed_cell_by_cell(studio: Studio) -> None:
    studio.open()
    studio.until(lambda: not studio.session.objects.busy)  # the table would show the image's own objects again
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    rows = [Row(i, 1, "hand", float(i), 9.0, 5.0, 0.0, 50.0) for i in range(1, 10_001)]
    panel.model.show_rows(rows, "px", None)
    panel._pages.setCurrentIndex(1)
    studio.session.view.selected = frozenset(range(1, 10_001, 2))
    studio.until(lambda: len(panel.selected_ids()) == 5000)
    asked: list[None] = []
    count = panel.model.rowCount
    panel.model.rowCount = lambda *parent: asked.append(None) or count(*parent)  # type: ignore[method-assign]
    followed: list[int] = []
    panel.model.layoutAboutToBeChanged.connect(lambda: followed.append(len(panel.model.persistentIndexList())))
    panel.view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert max(followed) < 10
    assert panel.selected_ids() == studio.session.view.selected == frozenset(range(1, 10_001, 2))
    panel._filter.setText("12 <900")
    assert [panel.model.object_at(row) for row in range(panel.model.rowCount())][:3] == [812, 712, 612]
    panel._filter.clear()
    asked.clear()
    panel.view.selectAll()
    assert studio.session.view.selected == frozenset(range(1, 10_001))
    assert len(asked) < 1000


def test_measure_shows_figures_and_their_distribution(studio: Studio) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    panel = studio.show(MeasurePanel(studio.session))
    studio.until(lambda: sum(panel.distribution.counts()) == 81)
    assert panel._says.text() == "81 objects in 1 image"
    assert panel._table.item(0, 1).text() == "64"
    panel.choose("length")
    assert sum(panel.distribution.counts()) == 81


def test_one_object_is_not_called_objects(studio: Studio) -> None:
    studio.open()
    studio.label(discs((96, 96), [(20, 20)], 8))
    measured, listed = studio.show(MeasurePanel(studio.session)), studio.show(InstancesPanel(studio.session))
    studio.until(lambda: measured._says.text() == "1 object in 1 image")
    assert listed._count.text() == "1 object"


def test_the_export_dialog_writes_files_and_reports_losses(studio: Studio, tmp_path: Path) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.choose("coco", tmp_path / "out" / "cells.json")
    dialog.start()
    studio.until(dialog.report)
    assert "1 file written" in dialog.report()
    content = json.loads((tmp_path / "out" / "cells.json").read_text())
    assert len(content["annotations"]) == 81
    dialog.choose("binary-mask", tmp_path / "out")
    dialog.start()
    studio.until(lambda: "written" in dialog.report())
    assert (tmp_path / "out" / "cell_00.png").is_file()


def test_an_image_whose_labels_were_taken_back_is_not_exported_as_labelled(studio: Studio) -> None:
    studio.open(2)
    studio.label_images(2)
    document = studio.session.document
    assert document is not None
    document.checkpoint(wait=True)
    document.undo()
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.start()
    studio.until(dialog.report)
    assert "1 file written" in dialog.report()


def test_an_export_that_cannot_be_written_says_why(studio: Studio, tmp_path: Path) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    (tmp_path / "taken").write_text("a file")
    dialog.choose("label-tiff", tmp_path / "taken")
    dialog.start()
    studio.until(dialog.report)
    assert "taken" in dialog.report()


def test_each_format_has_a_folder_of_its_own_and_asks_before_it_replaces(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    project = studio.session.project
    assert project is not None
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    assert dialog.formats.currentItem().text() == "Label image (TIFF)"
    asked: list[str] = []

    def answer(box: QMessageBox) -> None:
        asked.append(box.text())
        wanted = "Keep them" if len(asked) == 1 else "Replace"
        next(choice for choice in box.buttons() if choice.text() == wanted).click()

    monkeypatch.setattr(QMessageBox, "exec", answer)
    for row in range(dialog.formats.count()):
        dialog.formats.setCurrentRow(row)
        assert dialog.report() == ""
        dialog.start()
        studio.until(dialog.report)
        assert "written to" in dialog.report()
    places = sorted(path.name for path in (project.folder / "export").iterdir())
    assert len(places) == dialog.formats.count()
    assert not asked

    written = next((project.folder / "export" / "label-tiff").iterdir())
    stamp = written.stat().st_mtime_ns
    dialog.formats.setCurrentRow(0)
    dialog.start()
    studio.until(dialog.report)
    assert "would replace" in dialog.report()
    assert written.stat().st_mtime_ns == stamp
    dialog.start()
    studio.until(lambda: "written to" in dialog.report())
    assert len(asked) == 2
    assert written.stat().st_mtime_ns != stamp


def test_an_export_into_the_labels_of_the_project_is_refused(studio: Studio) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    project = studio.session.project
    assert project is not None
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.choose("label-tiff", project.folder / "labels")
    dialog.start()
    studio.until(dialog.report)
    assert "keeps its own files" in dialog.report()


PROGRAM = """
import sys
from PySide6.QtWidgets import QApplication
app = QApplication([])
from segstudio.session.session import Session
from segstudio.jobs.messages import Metric
from segstudio.gui.panels.label_step import LabelPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.measure import MeasurePanel
from segstudio.gui.panels.instances import InstancesPanel
from segstudio.gui.panels.jobs import JobsPanel
from segstudio.gui.panels.curves import CurvesPanel
session = Session()
panels = [P(session) for P in (LabelPanel, TrainingPanel, PredictionPanel, MeasurePanel, InstancesPanel, JobsPanel)]
panel = CurvesPanel(session)
assert "pyqtgraph" not in sys.modules, "pyqtgraph is imported before the first curve"
panel.show()
session.jobs.curves.add("a", Metric(epoch=1, step=1, elapsed_s=1, values={"train_loss": 1.0}))
session.jobs.curves.show(["a"])
panel.draw()
assert panel.plotted() == ["training"]
assert "torch" not in sys.modules
session.close()
"""


def test_panels_never_import_torch_and_import_the_plotter_for_the_first_curve_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_warnings_of_a_training_are_shown(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    job = training_job(studio.runs_folder / "run")
    studio.session.jobs.start_training(job)
    studio.session.jobs.handle(message(job, Warned(message="The batch was halved.", hint="The memory was full.")))
    assert panel.live._warning.text() == "The batch was halved. The memory was full."


def test_no_warning_of_a_training_hides_another(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    job = training_job(studio.runs_folder / "run")
    studio.session.jobs.start_training(job)
    for words in ("Specks.", "Halved.", "Halved."):
        studio.session.jobs.handle(message(job, Warned(message=words)))
    assert panel.live._warning.text() == "Specks.\nHalved."
