"""Image to image in the window: pairs are counted, learned without any label, and what is made can be found."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from carrier import Carrier
from factories import write_pairs
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from segstudio.config.run import RunConfig
from segstudio.gui.jobs import JobThreads
from segstudio.gui.panels.jobs import JobRow
from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.gui.panels.training_live import LiveTraining
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, load_catalogue, store_catalogue
from segstudio.jobs.messages import Artifact, Finished, Metric
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, PredictJob, SampleRecord, TrainJob
from segstudio.session.job import Job
from segstudio.session.job_specs import SplitSummary, TrainingWish, predict_job, training_job
from segstudio.session.runs import read_run
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def opened(
    tmp_path: Path, qtbot: QtBot
) -> Iterator[tuple[Session, list[TrainJob], Callable[[Callable[[], object]], None]]]:
    """Yield a session with four images and their targets, none labelled; trainings begun; and how to wait."""
    carrier = Carrier()
    session = Session(carrier.posted.emit)
    started: list[TrainJob] = []

    def start(job: TrainJob) -> Any:
        started.append(job)
        return SimpleNamespace(messages=lambda: iter(()), send=lambda _words: None, close=lambda: None)

    session.jobs.trainings.launcher = cast("Any", SimpleNamespace(start=start, attach=start))
    threads = JobThreads(session.jobs)
    store_catalogue(
        Catalogue(
            key=catalogue_key(),
            formulations=(
                Offer(name="joint", title="Cells", description="Finds cells."),
                Offer(name="regression", title="Image to image", description="Makes images.", result="image"),
            ),
            architectures=(Offer(name="unet", title="U-Net", description="A network."),),
            sections=RunConfig.model_json_schema(),
        )
    )
    write_pairs(tmp_path / "data", 4, (48, 48))
    (tmp_path / "data" / "masks").rename(tmp_path / "data" / "targets")
    session.create_project(tmp_path / "project", [tmp_path / "data" / "images"])

    def until(reached: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(reached()), timeout=20_000)

    until(lambda: session.document)
    yield session, started, until
    threads.close()
    session.close()


def test_pairs_are_trained_on_without_a_label(opened: Any, qtbot: QtBot) -> None:
    session, started, until = opened
    panel = TrainingPanel(session)
    qtbot.addWidget(panel)
    panel.resize(340, 900)
    panel.show()
    train = next(item for item in panel.findChildren(QPushButton) if item.text() == "Train")
    pairs = "Trains on 3 pairs of images, checks itself on 1."
    until(lambda: panel.summary_text() == f"No object is labelled yet: it learns the images in targets/. {pairs}")
    box = panel.findChild(QComboBox, "formulation")
    assert box.currentText() == "Image to image", "there is nothing else to learn from"
    assert train.isEnabled()

    box.setCurrentIndex(box.findData("joint"))
    until(lambda: "No object is labelled yet. Label some, or choose Image to image" in panel.summary_text())
    assert not train.isEnabled()
    box.setCurrentIndex(box.findData("regression"))
    until(lambda: panel.summary_text() == pairs)
    assert train.isEnabled()
    train.click()
    until(lambda: started)
    assert {sample.target.parent.name for sample in started[0].samples} == {"targets"}
    assert sorted(sample.split for sample in started[0].samples) == ["train", "train", "train", "val"]
    assert not any(sample.labels for sample in started[0].samples)


def test_a_warning_that_nobody_could_see_leaves_no_room(
    opened: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _started, until = opened
    monkeypatch.setattr(session.jobs, "want_catalogue", lambda: None)
    panel = TrainingPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    until(lambda: panel._last)  # counted before it is known that targets can be learned
    assert "Label some" in panel.summary_text()
    session.jobs.offers.catalogue = load_catalogue()
    session.jobs.catalogue_changed.emit()
    until(lambda: "it learns the images in targets/" in panel.summary_text())
    assert panel._warning.isHidden()


def test_what_to_find_suits_the_project_until_the_user_chooses(
    opened: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _started, until = opened
    panel = TrainingPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    box = panel.findChild(QComboBox, "formulation")

    def see(summary: SplitSummary) -> None:
        monkeypatch.setattr("segstudio.gui.panels.training.split_summary", lambda _project: summary)
        session.images_changed.emit()
        until(lambda: panel._last == summary)

    until(lambda: box.currentData() == "regression")
    see(SplitSummary(2, 1, 0, 20, pairs=3, pairs_val=1))
    assert box.currentData() == "joint", "there are labels now"
    see(SplitSummary(0, 0, 0, 0, pairs=3, pairs_val=1))
    assert box.currentData() == "regression"
    panel.setup.form.rows["training.epochs"].editor.changed.emit()
    see(SplitSummary(2, 1, 0, 20, pairs=3, pairs_val=1))
    assert box.currentData() == "regression", "the user works with it"
    box.setCurrentIndex(box.findData("joint"))
    see(SplitSummary(0, 0, 0, 0, pairs=3, pairs_val=1))
    assert box.currentData() == "joint"


def test_labels_without_targets_are_told_when_images_are_to_be_made(
    opened: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _session, _started, until = opened
    monkeypatch.setattr("segstudio.gui.panels.training.split_summary", lambda _project: SplitSummary(6, 2, 0, 166))
    panel = TrainingPanel(_session)
    qtbot.addWidget(panel)
    panel.show()
    until(lambda: panel.summary_text() == "Trains on 6 images with 166 objects, checks itself on 2 images.")
    box = panel.findChild(QComboBox, "formulation")
    box.setCurrentIndex(box.findData("regression"))
    until(lambda: "No image has a target" in panel.summary_text())
    box.setCurrentIndex(box.findData("joint"))
    until(lambda: "target" not in panel.summary_text())


def test_a_training_of_pairs_shows_figures_of_images(opened: Any, qtbot: QtBot, tmp_path: Path) -> None:
    session, _started, _until = opened
    pair = SampleRecord(image_id="a", image=tmp_path / "a.tif", target=tmp_path / "t.tif")
    live = LiveTraining(session)
    qtbot.addWidget(live)
    pairs, objects = (_training(tmp_path, samples) for samples in ((pair,), ()))
    live.show_job(pairs.told(Metric(epoch=1, step=9, elapsed_s=9, values={"val_psnr": 21.34, "val_ssim": 0.8})))
    shown = [label.text() for label in live.findChildren(QLabel)]
    assert {"PSNR", "21.3", "SSIM", "0.800", "Best PSNR"} <= set(shown)
    assert not {"F1", "Fg IoU"} & set(shown)
    assert live.preview.middle == "target"
    live.show_job(objects.told(Metric(epoch=1, step=9, elapsed_s=9, values={"val_f1": 0.5})))
    assert {"F1", "0.500", "Fg IoU"} <= {label.text() for label in live.findChildren(QLabel)}
    assert live.preview.middle == "labels"


def test_images_that_are_made_have_the_names_of_their_images(opened: Any, tmp_path: Path) -> None:
    session, _started, _until = opened
    project = session.project
    made, found = (RunFolder.create(_training(tmp_path / name, ()).spec) for name in ("made", "found"))
    for run, scale in ((made, {"low": 0, "high": 1}), (found, None)):
        run.model.mkdir(parents=True)
        (run.model / "model.json").write_text(json.dumps({"target_scale": scale}))
    images = predict_job(project, read_run(made), project.images, {}).images
    assert [image.output.stem for image in images] == [Path(entry.name).stem for entry in project.images]
    assert [image.image_id for image in images] == [entry.id for entry in project.images]
    labels = predict_job(project, read_run(found), project.images, {}).images
    assert [image.output.stem for image in labels] == [entry.id for entry in project.images]


def test_a_model_that_makes_images_says_that_it_is_ready_and_where_they_are(
    opened: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, started, until = opened
    said: list[str] = []
    session.noticed.connect(lambda notice: said.append(notice.text))
    wish = TrainingWish("Model 1", Choice(name="regression"), Choice(name="unet"), {}, learns_images=True)
    session.jobs.start_training(training_job(session.project, wish))
    until(lambda: started)
    (job,) = started
    run = RunFolder.create(job)
    run.model.mkdir(parents=True)
    (run.model / "model.json").write_text(json.dumps({"target_scale": {}, "scores": {"psnr": 21.3}}))
    done = Finished(outcome="done", summary={"psnr": 21.34})
    run.append(done)
    session.jobs.handle(done.model_copy(update={"job_id": job.job_id}))
    until(lambda: [words for words in said if words.startswith("Model 1 is ready: PSNR 21.3 dB.")])

    panel = PredictionPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    shown = next(item for item in panel.findChildren(QPushButton) if item.text() == "Open the folder of images made")
    until(shown.isVisible)
    assert panel.decode.is_empty, "there are no objects to be sure of"
    folders: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: bool(folders.append(Path(url.toLocalFile()).name)) or True
    )
    shown.click()
    until(lambda: said[-1] == "This model has made no image yet: press Predict.")
    (session.project.predictions_folder / run.path.name).mkdir(parents=True)
    shown.click()
    until(lambda: folders == [run.path.name])


def test_the_list_of_jobs_counts_images_that_were_made(opened: Any, qtbot: QtBot) -> None:
    row = JobRow(opened[0], None)
    qtbot.addWidget(row)
    artifacts = tuple(Artifact(role="image", path=f"{name}.tif", image_id=name) for name in "ab")
    spec = PredictJob(job_id="1", model=Path("model"), images=())
    row.show_job(Job("1", "Predict 2 images", spec, state="done", artifacts=artifacts))
    assert row.words() == "done 2 images predicted"


def _training(folder: Path, samples: tuple[SampleRecord, ...]) -> Job:
    classes = (ClassSpec(id=1, name="c"),)
    spec = TrainJob(job_id="1", name="Model 1", run_folder=folder / "run", samples=samples, classes=classes)
    return Job("1", "Model 1", spec)
