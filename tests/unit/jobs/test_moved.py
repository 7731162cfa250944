import shutil
from pathlib import Path

import pytest

from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import ClassSpec, SampleRecord, TrainJob


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with two images, one inside it and one beside it, and a run that learns from both."""
    folder = tmp_path / "here" / "cells"
    files = ["images/a.tif", "labels/a.tif", "labels/b.tif", "../b.tif", "models/old/model.json"]
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    samples = (
        SampleRecord(image_id="a", image=folder / "images/a.tif", labels=folder / "labels/a.tif"),
        SampleRecord(image_id="b", image=folder.parent / "b.tif", labels=folder / "labels/b.tif"),
    )
    job = TrainJob(
        job_id="j",
        name="first",
        run_folder=folder / "runs" / "j",
        samples=samples,
        classes=(ClassSpec(id=1, name="cell"),),
        start_from=folder / "models/old",
    )
    RunFolder.create(job)
    return folder


def files_of(project: Path) -> list[Path | None]:
    job = RunFolder(project / "runs" / "j").job()
    return [job.run_folder, job.start_from, *(path for one in job.samples for path in (one.image, one.labels))]


def test_a_run_of_a_copied_project_learns_from_the_copy_never_from_the_original(project: Path) -> None:
    copy = project.parent / "copy of cells"
    shutil.copytree(project, copy)
    beside = project.parent / "b.tif"  # beside both: the one file that they share
    expected = [copy / name for name in ("runs/j", "models/old", "images/a.tif", "labels/a.tif")]
    assert files_of(copy) == [*expected, beside, copy / "labels/b.tif"]


def test_a_run_moved_with_all_around_it_finds_its_files(project: Path, tmp_path: Path) -> None:
    project.parent.rename(tmp_path / "there")
    moved = tmp_path / "there" / "cells"
    assert all(path is not None and path.exists() for path in files_of(moved))
    assert files_of(moved)[4] == tmp_path / "there" / "b.tif"


def test_a_file_that_did_not_come_along_stays_where_it_was(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "there" / "cells"
    shutil.copytree(project, copy)
    assert files_of(copy)[4] == project.parent / "b.tif"
    assert files_of(copy)[2] == copy / "images/a.tif"


def test_a_renamed_run_keeps_its_files_when_it_was_moved(project: Path) -> None:
    copy = project.parent / "copy"
    shutil.copytree(project, copy)
    RunFolder(copy / "runs" / "j").rename("second")
    assert files_of(copy)[3] == copy / "labels/a.tif"
    assert files_of(project)[3] == project / "labels/a.tif"
