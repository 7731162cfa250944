"""The image that a model made of the one in front: offered where there is one, with a contrast of its own."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.image_file import image_tiff_by_tile
from segstudio.jobs.messages import Artifact, Message
from segstudio.jobs.spec import TrainJob
from segstudio.project.project import Project
from segstudio.session.runs import Run
from segstudio.session.session import Session

SIZE = (40, 56)


def make(path: Path, value: float, size: tuple[int, int] = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = image_tiff_by_tile((1, *size), lambda window: np.full((1, window.height, window.width), value, np.float32))
    path.write_bytes(b"".join(pages))


def maker(name: str = "run", title: str = "Model 1") -> Run:
    job = TrainJob(job_id=name, name=title, run_folder=Path(name), samples=(), classes=())
    return Run(name, title, Path(name), "done", job, best=None, has_model=True, makes_images=True)


class Desk:
    """A session with three images, two of them of one name, and the images that a model made."""

    def __init__(self, folder: Path) -> None:
        places = [folder / "one" / "a.tif", folder / "one" / "b.tif", folder / "two" / "b.tif"]
        for number, place in enumerate(places):
            place.parent.mkdir(exist_ok=True)
            tifffile.imwrite(place, np.full(SIZE, number, np.uint8))
        Project.create(folder / "project", places)[0].close()
        self.session = Session()
        self.session.open_project(folder / "project")
        assert self.session.project is not None
        self.project = self.session.project
        self.made = self.session.made
        self.ids = [entry.id for entry in self.project.images]
        self.folder = self.project.predictions_folder / "run"
        self.told: list[bool] = []
        self.made.changed.connect(lambda: self.told.append(self.made.shown))

    def value(self) -> float | None:
        return float(self.made.source.read()[0, 0]) if self.made.source is not None else None

    def say(self, message: Message) -> None:
        self.session.jobs.message.emit("job", message)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    return Desk(tmp_path)


def test_it_is_offered_for_the_images_that_the_chosen_model_made_one_of(desk: Desk) -> None:
    made, session = desk.made, desk.session
    make(desk.folder / "a.tif", 5)
    assert made.source is None, "no model is chosen"
    made.choose(maker())
    assert (desk.value(), made.shown, made.looking) == (5, False, False)
    made.toggle()
    assert (made.shown, desk.told[-1]) == (True, True)
    session.select(desk.ids[1])
    assert (made.source, made.shown, made.problem) == (None, False, "")
    made.toggle()
    session.select(desk.ids[0])
    assert (desk.value(), made.shown) == (5, True), "a key that has nothing to do must not change what is wanted"
    made.choose(maker("other"))
    assert made.source is None
    made.choose(maker())
    made.choose(replace(maker(), makes_images=False))
    assert made.source is None
    made.choose(maker())
    session.close()
    assert made.source is None


def test_images_of_one_name_are_never_taken_for_each_other(desk: Desk) -> None:
    make(desk.folder / "b.tif", 1)  # nobody knows of which of the two
    os.utime(desk.folder / "b.tif", (1, 1))
    make(desk.folder / f"b-{desk.ids[2]}.tif", 2)
    desk.made.choose(maker())
    desk.session.select(desk.ids[1])
    assert desk.made.source is None
    desk.session.select(desk.ids[2])
    assert desk.value() == 2
    desk.session.remove_images([desk.ids[1]])
    desk.made.turn_to_front()
    assert desk.value() == 2
    make(desk.folder / "b.tif", 3)
    os.utime(desk.folder / f"b-{desk.ids[2]}.tif", (1, 1))
    desk.made.turn_to_front()
    assert desk.value() == 3, "it has the name alone now: the newer one counts"
    desk.session.close()


def test_one_made_of_an_image_that_had_the_name_before_is_left_alone(desk: Desk) -> None:
    make(desk.folder / "a.tif", 5)
    (desk.folder / "a.json").write_text(json.dumps({"image_id": "gone"}))
    desk.made.choose(maker())
    assert (desk.made.source, desk.made.problem) == (None, "")
    (desk.folder / "a.json").write_text(json.dumps({"image_id": desk.ids[0]}))
    desk.made.turn_to_front()
    assert desk.value() == 5
    desk.session.close()


def test_one_that_does_not_fit_or_cannot_be_read_is_a_sentence(desk: Desk) -> None:
    made = desk.made
    make(desk.folder / "a.tif", 5, (40, 50))
    made.show(True)
    made.choose(maker())
    assert (made.source, made.shown) == (None, False)
    assert "made of a.tif has 40 × 50 pixels, the image itself 40 × 56. Predict the image again." in made.problem
    (desk.folder / "a.tif").write_bytes(b"II*\0 and no more")
    made.turn_to_front()
    assert made.source is None
    assert made.problem.startswith("The image that the model made of a.tif cannot be shown: a.tif ")
    assert made.problem.endswith(" Predict the image again.")
    make(desk.folder / "a.tif", 6)
    made.turn_to_front()
    assert (made.problem, made.shown) == ("", True)
    desk.session.close()


def test_a_new_one_of_the_image_in_front_is_shown_at_once(desk: Desk) -> None:
    made = desk.made
    make(desk.folder / "a.tif", 5)
    made.choose(maker())
    make(desk.folder / "a.tif", 9)
    make(desk.folder / "b.tif", 8)
    desk.say(Artifact(role="image", path=str(desk.folder / "b.tif"), image_id=desk.ids[1]))
    desk.say(Artifact(role="image", path=str(desk.folder.parent / "other" / "a.tif"), image_id=desk.ids[0]))
    assert (desk.value(), made.shown) == (5, False), "of another image, or by another model"
    desk.say(Artifact(role="image", path=str(desk.folder / "a.tif"), image_id=desk.ids[0]))
    assert (desk.value(), made.shown) == (9, True)
    make(desk.folder / "a.tif", 10)
    seen = len(desk.told)
    desk.say(Artifact(role="image", path=str(desk.folder / "a.tif"), image_id=desk.ids[0]))
    assert desk.value() == 10
    assert all(desk.told[seen:]), "the one before stays until the new one is there"
    desk.session.close()


def test_image_and_made_image_have_each_their_contrast(desk: Desk) -> None:
    view, made = desk.session.view, desk.made
    make(desk.folder / "a.tif", 5)
    made.choose(maker())
    view.contrast, view.gamma = (3, 90), 1.5
    made.toggle()
    assert view.contrast is None
    view.contrast = (400, 500)
    made.toggle()
    assert (view.contrast, view.gamma) == ((3, 90), 1.5)
    made.toggle()
    assert view.contrast == (400, 500)
    desk.session.select(desk.ids[1])
    assert view.contrast == (3, 90), "an image of the same kind, of which the model made none"
    desk.session.select(desk.ids[0])
    assert view.contrast == (400, 500)
    desk.session.close()


def test_another_name_of_the_model_is_told(desk: Desk) -> None:
    make(desk.folder / "a.tif", 5)
    desk.made.choose(maker())
    before = desk.made.source
    desk.made.choose(maker(title="Clean"))
    assert (desk.made.model, desk.made.source) == ("Clean", before)
    desk.session.close()
