"""The same project gives the window and the command line the same images, the same ones of them for validation."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import write_pairs

from segstudio.cli.main import main
from segstudio.cli.train import training_data
from segstudio.jobs.spec import Choice, SampleRecord
from segstudio.project.project import Project
from segstudio.session.job_specs import TrainingWish, training_job


def _wish(*, learns_images: bool = False) -> TrainingWish:
    return TrainingWish("t", Choice(name="joint"), Choice(name="unet"), {}, learns_images=learns_images)


def _used(samples: tuple[SampleRecord, ...]) -> dict[str, tuple[str, bool]]:
    return {sample.image.name: (sample.split, sample.target is not None) for sample in samples}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project of eight images, of which one is known to show no object."""
    write_pairs(tmp_path / "data", 8, (48, 48), diameter=12)
    empty = tmp_path / "data" / "masks" / "cell_01.tif"
    tifffile.imwrite(empty, np.zeros((48, 48), np.uint16))
    with Project.create(tmp_path / "project", [tmp_path / "data" / "images"])[0] as made:
        made.import_masks()
        assert made.splits()[made.images[1].id] == "val"
    return tmp_path / "project"


def test_both_train_and_validate_on_the_same_images(project: Path) -> None:
    with Project.open(project) as opened:
        in_window = _used(training_job(opened, _wish()).samples)
    assert len(in_window) == 8  # one without objects shows what is background
    assert in_window["cell_01.tif"] == ("val", False)
    assert _used(training_data(project)[0]) == in_window


def test_both_learn_the_pairs_of_a_project(project: Path) -> None:
    (project.parent / "data" / "masks").rename(project.parent / "data" / "targets")
    with Project.open(project) as opened:
        in_window = _used(training_job(opened, _wish(learns_images=True)).samples)
    assert all(target for _, target in in_window.values())
    assert _used(training_data(project, learns_images=True)[0]) == in_window


@pytest.mark.parametrize(("data", "words"), [("project", "as the project keeps them"), ("data", "by file name")])
def test_the_plan_names_the_validation_images_and_what_chose_them(
    project: Path, capsys: pytest.CaptureFixture[str], data: str, words: str
) -> None:
    folder = project.parent / data
    small = ["--architecture.width", "4", "--architecture.depth", "1", "--formulation", "semantic", "--device", "cpu"]
    assert main(["train", str(folder), "--out", str(project.parent / "run"), "--dry-run", *small]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if words in line]
    for sample in training_data(folder)[0]:
        assert (sample.image.name in line) == (sample.split == "val")
