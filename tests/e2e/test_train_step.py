"""The step Train in the real window: trainings that fail say so, and what cannot work is grey before the click."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.config.run import RunConfig
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.jobs.messages import Finished
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob
from segstudio.project.project import Project

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
    monkeypatch.setattr("segstudio.jobs.supervisor.worker_command", lambda *words: [sys.executable, script, words[-1]])
    images, masks = tmp_path / "images", tmp_path / "masks"
    for number in range(4):
        labels = np.zeros((64, 64), np.uint16)
        labels[8:20, 8:20], labels[30:44, 30:44] = 1, 2
        for place, content in ((images, (labels > 0).astype(np.uint8) * 90 + number), (masks, labels)):
            place.mkdir(exist_ok=True)
            tifffile.imwrite(place / f"{number}.tif", content)
    offers = [Offer(name=name, title=name, description="", settings={}, decode={}) for name in ("joint", "unet")]
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


def _model(folder: Path, job_id: str, formulation: str = "joint", channels: int = 1) -> None:
    run = RunFolder.create(_job(folder, job_id, formulation))
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
    for job_id, formulation, channels in (("1", "joint", 1), ("2", "semantic", 1), ("3", "joint", 3)):
        _model(folder, job_id, formulation, channels)

    def script(hand: Driver) -> None:
        hand.window.show_step(1)
        box = hand.window.training.setup._start_from
        hand.wait(lambda: box.findData("3") > 0 and hand.session.jobs.catalogue, what="the models")
        rows = {key: box.findData(key) for key in "123"}
        assert [box.model().item(rows[key]).isEnabled() for key in "123"] == [True, False, False]
        tips = {key: box.itemData(row, Qt.ItemDataRole.ToolTipRole) for key, row in rows.items()}
        assert "made for" in tips["2"]
        assert tips["3"] == "Model 3 sees 3 channels, the labelled images have 1."
        box.setCurrentIndex(rows["1"])
        box.setFixedWidth(90)
        assert box.shown_text().endswith("…")

    run_program([str(folder)], script)
