"""What a prediction warns of, in the real window: the weightiest in sight, and gone with its image."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from window_driver import Driver, run_program

from segstudio.jobs.messages import Warned
from segstudio.jobs.spec import PredictImage, PredictJob
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate("ab"):
        pixels = np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8)
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
    Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])[0].close()
    return tmp_path / "project"


def test_that_a_model_may_not_suit_comes_first_and_goes_with_the_image(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(hand: Driver) -> None:
        jobs, banners = hand.session.jobs, hand.window.banners
        monkeypatch.setattr(jobs._worker, "submit", lambda _spec: None)
        hand.wait(lambda: hand.session.document is not None, what="the project")
        hand.open_image("a.tif")
        image = PredictImage(image_id=hand.session.document.entry.id, image=folder / "a.tif", output=folder / "x.tif")
        jobs.predict(PredictJob(job_id="one", model=folder / "model", images=(image,)), "Prediction")
        jobs.handle(Warned(job_id="one", message="a.tif is in colour.", code="image"))
        jobs.handle(Warned(job_id="one", message="a.tif looks unlike the others.", code="unlike-training"))
        hand.wait(lambda: bool(banners.messages()), what="the warning")
        assert [notice.message for notice in banners.messages()] == ["a.tif looks unlike the others."]
        hand.open_image("b.tif")
        assert not banners.messages()

    run_program([str(folder)], script)
