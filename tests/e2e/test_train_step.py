"""The step Train in the real window: trainings that fail say so, and what cannot work is grey before the click."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QMessageBox, QPushButton
from window_driver import Driver, run_program

from segstudio.config.run import RunConfig
from segstudio.gui.panels.object_table import _SOURCE
from segstudio.gui.panels.training_preview import PreviewStrip
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.jobs.messages import Failed, Finished, Message, Metric, Preview, Progress, Started, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, PredictImage, PredictJob, TrainJob
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project
from segstudio.project.samples import training_samples
from segstudio.session.doctor import Remedy
from segstudio.session.job import Job

#: Fails before the first epoch, as a training does that cannot read its start.
FAILING = """
import sys, time
from pathlib import Path
from segstudio.jobs.messages import Failed
from segstudio.jobs.run_folder import RunFolder
run = RunFolder(Path(sys.argv[1]))
run.claim()
run.append(Failed(time=time.time(), job_id=run.job().job_id, code="x", message="It cannot start.", hint="Do this."))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "training.py"
    script.write_text(FAILING)
    for module in ("warm_worker", "run_process"):
        monkeypatch.setattr(
            f"segstudio.jobs.{module}.worker_command", lambda *words: [sys.executable, script, words[-1]]
        )
    images, masks = tmp_path / "images", tmp_path / "masks"
    for number in range(4):
        labels = np.zeros((64, 64), np.uint16)
        labels[8:20, 8:20], labels[30:44, 30:44] = 1, 2
        for place, content in ((images, (labels > 0).astype(np.uint8) * 90 + number), (masks, labels)):
            place.mkdir(exist_ok=True)
            tifffile.imwrite(place / f"{number}.tif", content)
    offers = [Offer(name=name, title=name, description="", settings={}, decode={}) for name in ("joint", "unet", "fpn")]
    sections = RunConfig.model_json_schema()
    store_catalogue(
        Catalogue(key=catalogue_key(), formulations=offers[:1], architectures=offers[1:], sections=sections)
    )
    project, problems = Project.create(tmp_path / "project", [images])
    problems += project.import_masks()
    project.close()
    assert not problems
    return tmp_path / "project"


def _job(folder: Path, job_id: str, formulation: str = "joint") -> TrainJob:
    return TrainJob(
        job_id=job_id,
        name=f"Model {job_id}",
        run_folder=folder / "runs" / job_id,
        samples=(),
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name=formulation),
    )


def _model(folder: Path, job_id: str, formulation: str = "joint", channels: int = 1, network: str = "unet") -> None:
    job = _job(folder, job_id, formulation)
    run = RunFolder.create(job.model_copy(update={"architecture": Choice(name=network)}))
    run.append(Finished(job_id=job_id, outcome="done"))
    run.model.mkdir(parents=True, exist_ok=True)
    (run.model / "model.json").write_text(json.dumps({"in_channels": channels, "scores": {"f1": 0.9}}))


def test_a_training_that_fails_at_its_start_says_so(folder: Path) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.session.jobs.start_training(_job(folder, "1"))
        hand.wait(lambda: hand.window.banners.messages(), what="the message")
        (notice,) = hand.window.banners.messages()
        assert notice.text == "Model 1 failed. It cannot start. Do this."
        assert notice.level == "error"
        runs = hand.window.training.runs
        hand.wait(lambda: runs.list.count(), what="the list of trainings")
        hand.wait(lambda: "It cannot start." in runs.list.item(0).text(), what="the reason")
        assert "It cannot start. Do this." in runs.list.item(0).toolTip()

    run_program([str(folder)], script)


def test_a_model_that_does_not_fit_is_grey_and_says_why(folder: Path) -> None:
    _model(folder, "1")
    _model(folder, "2", "semantic", channels=3)  # its first and last layer are adapted
    _model(folder, "3", network="fpn")

    def script(hand: Driver) -> None:
        hand.window.show_step(1)
        box = hand.window.training.setup._start.box
        hand.wait(lambda: box.findData("3") > 0 and hand.session.jobs.catalogue, what="the models")
        rows = {key: box.findData(key) for key in "123"}
        assert [box.model().item(rows[key]).isEnabled() for key in "123"] == [True, True, False]
        tips = {key: box.itemData(row, Qt.ItemDataRole.ToolTipRole) for key, row in rows.items()}
        assert tips["3"] == "Model 3 has another network: fpn."
        box.setCurrentIndex(rows["1"])
        box.setFixedWidth(90)
        assert box.shown_text().endswith("…")
        networks = hand.window.training.setup._architecture
        networks.setCurrentIndex(networks.findData("fpn"))
        (notice,) = hand.window.banners.messages()
        assert notice.text == "The next training starts from scratch. Model 1 has another network: unet."

    run_program([str(folder)], script)


def _say(hand: Driver, *messages: Message, job_id: str = "1") -> None:
    for message in messages:
        hand.session.jobs.handle(message.model_copy(update={"job_id": job_id}))


def test_the_brakes_stay_where_they_are_and_the_preview_is_enlarged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    for number in range(3):
        names.append(str(tmp_path / f"{number}.png"))
        QImage(60, 40, QImage.Format.Format_RGB32).save(names[-1])

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        # A process that says nothing; the messages come from the test.
        monkeypatch.setattr(hand.session.jobs.trainings, "start", lambda *_: None)
        hand.window.show_step(1)
        hand.session.jobs.start_training(_job(folder, "1"))
        _say(hand, Started(device="cpu", device_name="a processor", pid=1))
        live = hand.window.training.live
        hand.wait(live._stop.isVisible, what="the brakes")
        QTest.qWait(50)
        before = live._stop.mapTo(hand.window, QPoint(0, 0))
        values = {"val_f1": 0.5, "val_iou": 0.4}
        _say(
            hand,
            Warned(code="class-missing", message="No training object has the class debris.", hint="Label some. " * 9),
            Metric(epoch=1, step=1, elapsed_s=1, values=values, best=True),
            Preview(epoch=1, image=names[0], truth=names[1], prediction=names[2], caption="finds 3 of 4 objects " * 4),
        )
        hand.wait(lambda: live.preview.height() > 20, what="the preview")
        QTest.qWait(50)
        assert live._stop.mapTo(hand.window, QPoint(0, 0)) == before
        QTest.mouseClick(live.preview, Qt.MouseButton.LeftButton)
        large = hand.dialog(QDialog)
        strip = large.findChild(PreviewStrip)
        assert strip.height() > 150, "what is seen already is large at once"
        hand.wait(lambda: large.height() - strip.height() < 60, 5, "a window that fits its pictures")
        large.close()
        QTest.qWait(50)
        live.preview.setFocus()
        QTest.keyClick(live.preview, Qt.Key.Key_Return)
        hand.dialog(QDialog).close()
        _say(hand, Preview(epoch=2, image=names[0], truth=names[1], prediction=names[2], caption=""))
        _say(hand, Finished(outcome="stopped"))

    run_program([str(folder)], script)


def test_the_labels_that_a_training_is_judged_by_are_called_after_who_made_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        monkeypatch.setattr(hand.session.jobs.trainings, "start", lambda *_: None)
        hand.window.show_step(1)
        live, project = hand.window.training.live, hand.session.project
        samples = tuple(training_samples(project, learns_images=False))
        hand.session.jobs.start_training(_job(folder, "1").model_copy(update={"samples": samples}))
        hand.wait(lambda: live.preview.middle == "imported", what="what masks are called")
        judged = next(entry for entry in project.images if project.splits()[entry.id] == "val")
        hand.open_image(judged.name)
        hand.session.document.apply(Polygon(np.array([(22, 2), (28, 2), (28, 6), (22, 6)]), None))
        hand.session.document.checkpoint(wait=True)
        hand.window.show_drawer(0)
        table = hand.window.instances.model
        hand.wait(lambda: table.rowCount() == 3, what="the table of objects")
        assert sorted(table.index(row, _SOURCE).data() for row in range(3)) == ["hand", "imported", "imported"]
        _say(hand, Finished(outcome="stopped"))
        hand.session.jobs.start_training(_job(folder, "2").model_copy(update={"samples": samples}))
        hand.wait(lambda: live.preview.middle == "labels", what="what labels of two origins are called")
        _say(hand, Finished(outcome="stopped"), job_id="2")

    run_program([str(folder)], script)


@pytest.mark.parametrize("where", ["list", "finding"])
def test_a_finished_training_is_trained_longer(folder: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    _model(folder, "1")
    RunFolder(folder / "runs" / "1").checkpoints.mkdir()
    (RunFolder(folder / "runs" / "1").checkpoints / "last.safetensors").touch()
    began: list[TrainJob] = []

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        monkeypatch.setattr(hand.session.jobs.trainings, "start", lambda job, *_: began.append(job))
        hand.window.show_step(1)
        runs = hand.window.training.runs
        hand.wait(lambda: runs.list.count() == 1, what="the training")
        runs.list.item(0).setSelected(True)
        (button,) = [item for item in runs.findChildren(QPushButton) if item.text() == "Train longer"]
        assert "for another 10 minutes" in button.toolTip()
        hand.window.show_drawer(0)
        if where == "list":
            hand.click(runs, "Train longer")
        else:
            hand.window.training.advice.apply("1", Remedy("Train longer", action="longer"))
        hand.wait(lambda: began, what="the training")
        assert (began[0].job_id, began[0].resume) == ("1", True)
        assert began[0].config["training"]["max_minutes"] == 20
        assert hand.window.drawer.currentWidget() is hand.window.curves
        _say(hand, Finished(outcome="stopped"))

    run_program([str(folder)], script)


def test_good_news_wait_for_a_dialog_that_hides_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.gui.banner._GOOD_NEWS_STAYS", 100)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        dialog = QDialog(hand.window)
        dialog.open()
        hand.session.notice("Model 1 is ready.", level="good")
        QTest.qWait(400)
        assert [notice.message for notice in hand.window.banners.messages()] == ["Model 1 is ready."]
        dialog.close()
        hand.wait(lambda: not hand.window.banners.messages(), what="the message to go")

    run_program([str(folder)], script)


def test_a_prediction_of_many_images_counts_images(tmp_path: Path) -> None:
    images = tuple(
        PredictImage(image_id=str(n), image=tmp_path / f"{n}.tif", output=tmp_path / f"{n}-o.tif", maps=tmp_path / "m")
        for n in range(12)
    )
    spec = PredictJob(job_id="p", model=tmp_path, images=images, decode={})
    job = Job("p", "Predict 12 images", spec).told(
        Progress(stage="Predicting a", done=1067, total=1200, remaining_s=0.2)
    )
    assert job.counted == "11/12"
    assert job.summary()[0] == "Predicting a 11/12"


def test_deleting_a_training_without_a_model_does_not_speak_of_one(folder: Path) -> None:
    RunFolder.create(_job(folder, "1")).append(Failed(job_id="1", code="x", message="It cannot start."))
    _model(folder, "2")
    said: list[str] = []

    def script(hand: Driver) -> None:
        hand.window.show_step(1)
        runs = hand.window.training.runs
        hand.wait(lambda: runs.list.count() == 2, what="the trainings")

        def answer() -> None:
            box = hand.dialog(QMessageBox)
            said.append(box.informativeText())
            hand.click(box, "Delete")

        for run_id, left in (("1", 1), ("2", 0)):
            rows = [row for row in range(runs.list.count()) if runs.list.item(row).text().startswith(f"Model {run_id}")]
            runs.list.clearSelection()
            runs.list.item(rows[0]).setSelected(True)
            QTimer.singleShot(50, answer)
            runs.delete()
            hand.wait(lambda left=left: runs.list.count() == left, what="one training less")

    run_program([str(folder)], script)
    assert "no model" in said[0]
    assert "trained models are lost" in said[1]
