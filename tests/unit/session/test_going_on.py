"""A training that goes on learns from what is labelled then, in its images, each used for what it was used for."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.cli.main import main
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.jobs.messages import Finished, Started
from segstudio.jobs.run_folder import RunFolder, RunStatus
from segstudio.jobs.spec import Choice, TrainJob
from segstudio.labels.edits import RegionFill, Relabel, Stroke
from segstudio.project.project import Project
from segstudio.session.bake_off_labels import copied
from segstudio.session.going_on import on_present_labels
from segstudio.session.job_specs import TrainingWish, predict_job, training_job
from segstudio.session.notice import Notice
from segstudio.session.runs import Run
from segstudio.session.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Return a session whose project has two classes, and two images with one object of the first class in each."""
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    (tmp_path / "images").mkdir()
    for name in "ab":
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", np.full((32, 32), ord(name), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    project.set_classes(project.classes.add("mitotic"))
    for entry in project.images:
        _draw(project, entry.id, 1)
        project.document(entry.id).checkpoint(wait=True)
    project.close()
    session = Session()
    session.open_project(tmp_path / "project")
    return session


def _draw(project: Project, image_id: str, number: int, class_id: int = 1) -> None:
    y = 6.0 * number
    project.document(image_id).apply(Stroke(np.array([[4.0, y], [20.0, y]]), 3, number, class_id))


def _project(session: Session) -> Project:
    assert session.project is not None
    return session.project


def _trained(session: Session) -> TrainJob:
    wish = TrainingWish("a", Choice(name="joint"), Choice(name="unet"), {})
    return training_job(_project(session), wish)


def _run(job: TrainJob, status: RunStatus) -> Run:
    folder = RunFolder.create(job)
    folder.checkpoints.mkdir()
    (folder.checkpoints / "last.safetensors").touch()
    return Run(job.job_id, "a", folder.path, status, job, None, has_model=True, has_checkpoint=True)


@pytest.mark.parametrize("status", ["done", "stopped"])
def test_a_training_goes_on_with_the_classes_that_objects_have_now(
    session: Session, monkeypatch: pytest.MonkeyPatch, status: RunStatus
) -> None:
    began: list[TrainJob] = []
    monkeypatch.setattr(session.jobs.trainings, "start", lambda job, *_: began.append(job))
    project = _project(session)
    run = _run(_trained(session), status)
    before = {sample.image_id: sample for sample in run.job.samples}
    first, second = (entry.id for entry in project.images)
    _draw(project, first, 2, class_id=2)
    project.document(second).apply(Relabel((1,), 2))
    project.document(second).apply(RegionFill(None, 1))
    project.document(first).checkpoint(wait=True)
    project.document(second).checkpoint(wait=True)
    project.set_split(first, "val" if before[first].split == "train" else "train")
    if status == "done":
        session.runs.train_longer(run)
    else:
        session.runs.resume(run)
    (job,) = began
    now = {sample.image_id: sample for sample in job.samples}
    assert now[first].object_classes == {1: 1, 2: 2}
    assert now[second].object_classes == {1: 2}
    assert (before[second].regions is None, now[second].regions is None) == (True, False)
    assert [sample.split for sample in now.values()] == [sample.split for sample in before.values()]
    session.close()


def test_a_training_goes_on_with_what_was_drawn_a_moment_ago(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, dict[int, int]]] = []
    project = _project(session)
    first = project.images[0].id

    def start(job: TrainJob, *_: object) -> None:
        (sample,) = (sample for sample in job.samples if sample.image_id == first)
        seen.append((int(tifffile.imread(project.label_path(first)).max()), dict(sample.object_classes)))

    monkeypatch.setattr(session.jobs.trainings, "start", start)
    run = _run(_trained(session), "stopped")
    _draw(project, first, 2, class_id=2)
    session.runs.resume(run)
    assert seen == [(2, {1: 1, 2: 2})]
    session.close()


def test_images_that_are_gone_and_copies_of_labels_stay_as_they_were(session: Session, tmp_path: Path) -> None:
    project, job = _project(session), _trained(session)
    copies = job.model_copy(update={"samples": copied(job.samples, tmp_path / "x.labels")})
    first, second = (entry.id for entry in project.images)
    for image_id in (first, second):
        _draw(project, image_id, 2, class_id=2)
        project.document(image_id).checkpoint(wait=True)
    project.remove_images([first])
    renewed = {sample.image_id: sample for sample in on_present_labels(project, job).samples}
    assert {image_id: sample.object_classes for image_id, sample in renewed.items()} == {
        first: {1: 1},
        second: {1: 1, 2: 2},
    }
    assert on_present_labels(project, copies) == copies
    session.close()


def test_objects_of_a_class_that_the_network_has_no_place_for_are_not_taken_for_the_first(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    project, job = _project(session), _trained(session)
    project.set_classes(project.classes.add("debris"))
    image_id = project.images[0].id
    _draw(project, image_id, 2, class_id=3)
    project.document(image_id).checkpoint(wait=True)
    with pytest.raises(WrongUsage, match="class debris") as caught:
        on_present_labels(project, job)
    assert "Start from" in caught.value.hint
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.runs.resume(_run(job, "stopped"))
    assert [notice.message for notice in said] == [caught.value.message]
    assert not session.jobs.active
    session.close()
    assert main(["train", "--out", str(job.run_folder), "--resume", "--dry-run"]) == 2
    assert caught.value.message in capsys.readouterr().err


def test_a_run_that_lacks_an_image_names_it_and_stays_as_it_ended(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, job = _project(session), _trained(session)
    run, folder = _run(job, "stopped"), RunFolder(job.run_folder)
    folder.append(Started(device="cpu", device_name="cpu", pid=1))
    folder.append(Finished(outcome="stopped"))
    before, said = folder.events_file.read_bytes(), list[Notice]()
    (tmp_path / "images" / "b.tif").rename(tmp_path / "b.tif")
    session.noticed.connect(said.append)
    session.runs.resume(run)
    assert [notice.message for notice in said] == [
        f"a cannot go on without b.tif, which was not found in {tmp_path / 'images'}."
    ]
    assert not session.jobs.active
    assert main(["train", "--out", str(job.run_folder), "--resume"]) == 3
    assert "a cannot go on without b.tif" in capsys.readouterr().err
    assert (folder.status, folder.events_file.read_bytes()) == ("stopped", before)
    (lost,) = (entry.id for entry in project.images if entry.name == "b.tif")
    project.relocate(lost, tmp_path / "b.tif")
    assert {sample.image for sample in on_present_labels(project, job).samples} == {
        tmp_path / "images" / "a.tif",
        tmp_path / "b.tif",
    }
    session.close()


def test_nothing_is_learned_from_an_image_that_is_not_the_one_that_was_labelled(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, job = _project(session), _trained(session)
    run, said = _run(job, "stopped"), list[Notice]()
    tifffile.imwrite(tmp_path / "images" / "b.tif", np.full((32, 32), 7, np.uint8))
    sentence = "b.tif is not the file that was added to the project: its content has changed."
    assert [sample.image.name for sample in _trained(session).samples] == ["a.tif"], "a new training leaves it out"
    with pytest.raises(BadInput, match="its content has changed"):
        predict_job(project, run, project.images, {})
    assert not project.predictions_folder.exists()
    project.set_predicted(project.images[1].id, "r")
    session.noticed.connect(said.append)
    session.runs.resume(run)
    assert [notice.message for notice in said] == [sentence]
    assert not session.jobs.active
    (changed,) = (entry.id for entry in project.images if entry.name == "b.tif")
    session.close()
    words = ["train", str(tmp_path / "project"), "--out", str(tmp_path / "run"), "--dry-run", "--device", "cpu"]
    assert main(words) == 3, "one image is not enough"
    assert f"b.tif is left out: {sentence}" in capsys.readouterr().err
    with Project.open(tmp_path / "project") as again:
        again.accept_changed_image(changed)
        assert again.entry(changed).predicted == "", "it was predicted on what was in the file before"
    main(words)
    assert "has changed" not in capsys.readouterr().err
