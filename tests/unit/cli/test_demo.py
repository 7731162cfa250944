"""The demo does the whole job on a fresh copy of the sample."""

import json
import sys
from pathlib import Path

import pytest

from segstudio.cli.demo_job import whole_job
from segstudio.cli.main import main
from segstudio.core.errors import WrongUsage
from segstudio.io.sources import open_image
from segstudio.project.project import Project
from segstudio.project.sample_project import copy_sample


@pytest.mark.slow
def test_the_whole_job_without_a_window_ends_with_a_picture(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--no-window", "--folder", str(tmp_path), "--minutes", "0.03"]) == 0
    picture = Path(capfd.readouterr().out.strip().splitlines()[-1].removeprefix("Result picture: "))
    assert open_image(picture).info.channels == 3
    assert json.loads((picture.parent / "scores.json").read_text(encoding="utf-8"))
    assert (picture.parent / "coco").exists()
    assert len(list((picture.parent / "predicted").glob("*.tif"))) == 2


def test_the_window_opens_on_the_newest_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("segstudio.cli.demo._open_window", lambda project: opened.append(project) or 0)
    for words in (["demo"], ["demo"], ["demo", "--again"]):
        assert main([*words, "--folder", str(tmp_path)]) == 0
    assert opened == [tmp_path / "Sample", tmp_path / "Sample 2", tmp_path / "Sample 2"]


def test_without_a_validation_image_it_says_so_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_sample(tmp_path)
    with Project.open(folder) as project:
        for entry in project.images:
            project.set_split(entry.id, "train")
        project.save()
    monkeypatch.setattr(sys, "executable", "never-started")
    with pytest.raises(WrongUsage, match="for validation"):
        whole_job(folder, 1.0)


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "1e9"])
def test_a_demo_of_no_or_endless_minutes_is_refused_before_anything_is_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], minutes: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--no-window", "--folder", str(tmp_path), f"--minutes={minutes}"])
    assert stopped.value.code == 2
    assert "must be above 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
