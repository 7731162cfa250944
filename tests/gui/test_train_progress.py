"""The trainings in the step Train: how each goes, how it ended, and how good its model is."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QPushButton
from studio import Studio, message, training_job

from segstudio.gui.panels.training import TrainingPanel
from segstudio.jobs.messages import Failed, Finished, Message, Metric, Preview, Progress, Started, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.session.notice import Notice

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_a_finished_training_cannot_go_on_and_says_why(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.model("run-1")
    (run,) = studio.session.runs.all
    assert run.status == "done"
    panel.runs.list.selectAll()
    (go_on,) = [item for item in panel.runs.findChildren(QPushButton) if item.text() == "Go on"]
    assert not go_on.isEnabled()
    assert go_on.toolTip().startswith("It is finished: it has used its time")
    assert "choose it at Start from" in go_on.toolTip()


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
    studio.session.jobs.offers.catalogue = None
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
    session.runs.outdated.connect(begun.append)
    session.jobs.handle(message(job, Started(device="cpu", device_name="a processor", pid=1)))
    session.jobs.handle(message(job, Failed(code="worker-died", message="It ended.", hint="")))
    studio.until(lambda: panel.runs.list.count() == 1 and session.runs.training is None)
    assert begun == [told[-1].about], "when it begins again, what is said about its failure is found"
    other = training_job(session.project.runs_folder / "run-2", "run-2")
    session.jobs.start_training(other.model_copy(update={"name": "another"}))
    session.jobs.handle(message(other, Started(device="cpu", device_name="a processor", pid=1)))
    assert begun[1:] == ["another", told[-1].about], "a new training takes away what is said of failed ones"
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
