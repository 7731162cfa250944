import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from factories import cells

from segstudio.core.errors import WrongUsage
from segstudio.jobs.messages import Artifact, Failed, Finished
from segstudio.jobs.spec import AugmentJob, Choice
from segstudio.project.project import Project
from segstudio.session.job_specs import TrainingWish
from segstudio.session.patch_preview import PatchPreview, augment_job, read_patches
from segstudio.session.session import Session

WISH = TrainingWish("m", Choice(name="joint"), Choice(name="unet"), {"augmentation": {"rotation": 90.0}}, device="cpu")


def a_project(folder: Path, images: int, labelled: int) -> Project:
    for number in range(images):
        made = cells((48, 48), 4, seed=number)
        for place, content in (("images", made.image), ("masks", made.labels.astype(np.uint16))):
            (folder / place).mkdir(exist_ok=True)
            if place == "images" or number < labelled:
                tifffile.imwrite(folder / place / f"{number:02d}.tif", content)
    project, problems = Project.create(folder / "project", [folder / "images"])
    if labelled:
        problems += project.import_masks()
    assert not problems
    return project


def write(folder: Path, labels: np.ndarray) -> None:
    folder.mkdir()
    for role, content in (("image", np.zeros((*labels.shape, 3), np.uint8)), ("labels", labels)):
        (folder / f"0-{role}.png").write_bytes(cv2.imencode(".png", content)[1].tobytes())


def test_the_image_in_front_is_shown_when_it_has_labels_and_few_others_help(tmp_path: Path) -> None:
    project = a_project(tmp_path, images=14, labelled=13)
    ids = {entry.name: entry.id for entry in project.images}
    job = augment_job(project, WISH, ids["03.tif"], tmp_path / "out", 5)
    assert job.samples[0].image_id == ids["03.tif"]
    assert 1 < len(job.samples) <= 8
    assert len({sample.image_id for sample in job.samples}) == len(job.samples)
    assert (job.seed, job.config) == (5, {"augmentation": {"rotation": 90.0}})
    other = augment_job(project, WISH, ids["13.tif"], tmp_path / "out", 5)  # has none: a training image is shown
    assert other.samples[0].split == "train"
    project.close()


def test_without_any_label_it_says_what_to_do(tmp_path: Path) -> None:
    project = a_project(tmp_path, images=1, labelled=0)
    with pytest.raises(WrongUsage, match="No image has a label yet"):
        augment_job(project, WISH, "", tmp_path / "out", 0)
    project.close()


def test_patches_are_read_with_outlines_and_what_is_unknown_and_then_removed(tmp_path: Path) -> None:
    labels = np.zeros((8, 8), np.uint16)
    labels[1:3, 1:4], labels[5:, 5:], labels[0, 7] = 1, 2, 65535
    write(tmp_path / "made", labels)
    (patch,) = read_patches(tmp_path / "made", 1)
    assert patch.image.shape == (8, 8, 3)
    assert [len(rings) for rings in patch.outlines] == [1, 1]
    assert sorted(patch.outlines[0][0].tolist()) == [[1, 1], [1, 3], [4, 1], [4, 3]]
    assert len(patch.unknown) == 1
    assert not (tmp_path / "made").exists()
    assert read_patches(tmp_path / "made", 1) == ()


class Answers:
    """Stands in for the worker: notes the jobs and answers when told."""

    def __init__(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[AugmentJob] = []
        self._session = session
        monkeypatch.setattr(session.jobs, "look_at", self.jobs.append)

    def answer(self) -> None:
        job = self.jobs[-1]
        write(job.output, np.ones((4, 4), np.uint16))
        details = {"patches": 1, "patch_px": 4}
        shown = Artifact(role="picture", path=str(job.output), image_id=job.samples[0].image_id, details=details)
        for message in (shown, Finished(outcome="done")):
            self._session.jobs.message.emit(job.job_id, message)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    a_project(tmp_path, images=3, labelled=3).close()
    made = Session()
    made.open_project(tmp_path / "project")
    return made


def test_while_patches_are_drawn_only_the_newest_wish_waits(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, preview = Answers(session, monkeypatch), PatchPreview(session, lambda: WISH)
    for _ in range(3):
        preview.again()
    assert len(worker.jobs) == 1
    worker.answer()
    assert len(preview.patches) == 1
    assert preview.busy
    assert [job.seed for job in worker.jobs] == [1, 3]
    worker.answer()
    assert not preview.busy
    preview.close()
    session.close()


def test_a_failure_is_told_and_the_next_wish_works(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, preview = Answers(session, monkeypatch), PatchPreview(session, lambda: WISH)
    preview.refresh()
    session.jobs.message.emit(worker.jobs[-1].job_id, Failed(code="x", message="It broke.", hint="Do this."))
    assert (preview.error, preview.busy, preview.patches) == ("It broke. Do this.", False, ())
    preview.refresh()
    worker.answer()
    assert preview.error == ""
    folder = worker.jobs[-1].output.parent
    preview.close()
    assert not folder.exists()
    preview.refresh()
    assert len(worker.jobs) == 2
    session.close()


def test_closing_while_the_worker_still_writes_is_no_fault(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, preview = Answers(session, monkeypatch), PatchPreview(session, lambda: WISH)
    preview.refresh()
    folder = worker.jobs[-1].output.parent
    rmdir = os.rmdir

    def one_more_file(path: object, *args: object, **options: object) -> None:
        if not list(folder.iterdir()):
            (folder / "0-image.png").touch()
        rmdir(path, *args, **options)

    with monkeypatch.context() as late:
        late.setattr(os, "rmdir", one_more_file)
        preview.close()
    session.close()
    shutil.rmtree(folder)


def test_what_is_missing_is_told_once(tmp_path: Path) -> None:
    a_project(tmp_path, images=1, labelled=0).close()
    session = Session()
    session.open_project(tmp_path / "project")

    def no_wish() -> TrainingWish:
        raise WrongUsage("The list is still being read.", hint="Try again in a moment.")

    unlabelled, early = PatchPreview(session, lambda: WISH), PatchPreview(session, no_wish)
    for preview in (unlabelled, early):
        preview.refresh()
        preview.close()
    session.close()
    assert unlabelled.error == "No image has a label yet. Outline about 10 cells, then look at their patches."
    assert (early.error, early.busy) == ("The list is still being read. Try again in a moment.", False)
