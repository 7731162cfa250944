"""The form of the step Train: what a training is asked for, and what is said before it begins."""

import pytest
from factories import cells
from studio import Studio

from segstudio.core.errors import WrongUsage
from segstudio.gui.panels.training import TrainingPanel
from segstudio.jobs.spec import Choice
from segstudio.session.job_specs import TrainingWish, split_summary, training_job

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


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


def test_an_image_that_a_training_cannot_use_is_told_before_it_starts(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.label_images(3)
    project = studio.session.project
    assert project is not None
    studio.until(lambda: "Trains on 2 images" in panel.summary_text() and studio.session.jobs.catalogue)
    first, second, third = project.images[:3]

    def lose(name: str) -> None:
        (studio.folder / "data" / "images" / name).unlink()
        studio.session.images_changed.emit()

    lose(second.name)
    studio.until(lambda: "Trains on 1 image " in panel.summary_text())
    assert f"Left out: {second.name} (its file is gone). Open it from the list" in panel.summary_text()
    panel.start()
    studio.until(lambda: studio.launcher.started)
    assert [sample.image_id for sample in studio.launcher.started[0].samples] == [first.id, third.id]
    lose(third.name)
    studio.until(lambda: not split_summary(project).train)
    with pytest.raises(WrongUsage, match="a labelled object that can be used") as caught:
        training_job(project, TrainingWish("x", Choice(name="joint"), Choice(name="unet"), {}))
    assert f"{third.name} (its file is gone)" in caught.value.hint
    panel._show_summary(split_summary(project))
    assert panel._empty.text().startswith(f"No labelled image is left to train on. Left out: {second.name}")


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


def test_the_model_to_start_from_stays_chosen_when_the_runs_are_read_again(studio: Studio) -> None:
    panel = studio.show(TrainingPanel(studio.session))
    studio.open()
    studio.model("run-1")
    panel.setup._start.box.setCurrentIndex(1)
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
    boxes = [panel.setup._architecture, panel.setup._start.box]
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
