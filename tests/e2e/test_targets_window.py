"""Image to image in the real window: which images have a target, and how good the models are."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel
from window_driver import Driver, run_program

from segstudio.jobs.messages import Finished, Metric
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project


def _run(folder: Path, name: str, *, finished: bool) -> None:
    job = TrainJob(
        job_id=name,
        name=name,
        run_folder=folder / "runs" / name,
        samples=(),
        classes=(ClassSpec(id=1, name="cell"),),
    )
    run = RunFolder.create(job)
    run.append(
        Metric(job_id=name, step=10, epoch=1, elapsed_s=1.0, values={"val_psnr": 23.44, "val_ssim": 0.5}, best=True)
    )
    run.append(Finished(job_id=name, outcome="done" if finished else "stopped"))
    run.model.mkdir(parents=True)
    scores = {"psnr": 27.5, "ssim": 0.8} if finished else {}
    (run.model / "model.json").write_text(json.dumps({"target_scale": {"low": [0], "high": [1]}, "scores": scores}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place, names in (("images", "abcd"), ("targets", "abc")):
        (tmp_path / place).mkdir()
        for seed, name in enumerate(names):
            picture = np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8)
            tifffile.imwrite(tmp_path / place / f"{name}.tif", picture)
    Project.create(tmp_path / "project", [tmp_path / "images"])[0].close()
    _run(tmp_path / "project", "clean", finished=True)
    _run(tmp_path / "project", "half", finished=False)
    return tmp_path / "project"


def _rows(hand: Driver) -> list[tuple[str, str]]:
    """Return state and use of each row, as they are painted."""
    model = hand.window.images._sorted
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    return [tuple(index.data(Qt.ItemDataRole.UserRole + number) for number in (1, 2)) for index in rows]


def _says(hand: Driver, words: str) -> bool:
    return any(label.text() == words for label in hand.window.images.findChildren(QLabel))


@pytest.mark.timeout(60)
def test_the_list_says_which_images_have_a_target(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.wait(lambda: _says(hand, "3 of 4 have targets"), what="how many there are")
        assert [state for state, _ in _rows(hand)] == ["target", "target", "target", "no target"]
        assert sorted(use for _, use in _rows(hand)) == ["", "train", "train", "val"], "as it is trained"
        tip = hand.window.images._sorted.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert "Has a target" in tip
        assert "automatic" in tip
        hand.session.document.apply(Polygon(np.array([(10, 10), (40, 10), (40, 30), (10, 30)]), None))
        hand.wait(lambda: _says(hand, "1 of 4 labelled, 3 with targets"), what="the label")
        assert _rows(hand)[0][0] == "labelled"
        hand.session.document.undo()
        images = hand.window.images
        images._filter.setText("no target")
        assert [images._sorted.index(row, 0).data() for row in range(images._sorted.rowCount())] == ["d.tif"]
        images._filter.setText("TARGET")
        assert images._sorted.rowCount() == 3
        hand.session.document.redo()
        QTest.qWait(20)
        assert images._sorted.rowCount() == 3, "what is labelled does not vanish under the brush"
        assert hand.session.document.entry.name == "a.tif"
        hand.session.document.undo()
        images._filter.setText("")
        tifffile.imwrite(folder.parent / "targets" / "d.tif", np.zeros((96, 96), np.uint8))
        hand.session.states.set_split([hand.session.project.images[3].id], "val")
        hand.wait(lambda: _says(hand, "4 of 4 have targets"), what="the last target")
        assert _rows(hand)[3] == ("target", "val")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_models_that_make_images_are_listed_with_what_they_are_judged_by(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: len(hand.session.runs.all) == 2, what="the models")
        trainings = hand.window.training.runs.list
        said = {trainings.item(row).text().split("\n")[0]: trainings.item(row) for row in range(2)}
        assert said["clean"].text().startswith("clean\nPSNR 27.5 dB")
        assert said["half"].text().startswith("half\nPSNR 23.4 dB")
        assert "how near what it makes is to the targets" in said["half"].toolTip()
        boxes = hand.window.prediction.findChildren(QComboBox)
        offered = {box.itemText(row) for box in boxes for row in range(box.count())}
        assert {"clean  ·  PSNR 27.5 dB", "half  ·  PSNR 23.4 dB"} <= offered

    run_program([str(folder)], script)
