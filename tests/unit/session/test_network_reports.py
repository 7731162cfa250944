"""What is said about a network, and what is found out for it: object sizes, the network of a start model."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import tifffile
from factories import grid_of_squares

from segstudio.jobs.network_report import Layer, NetworkReport
from segstudio.jobs.spec import Choice
from segstudio.project.project import Project
from segstudio.session.job_specs import TrainingWish
from segstudio.session.network_reports import NetworkReports, _with_network_of, object_diameter
from segstudio.session.network_words import BLENDED, as_csv, as_text, bytes_in_words, count_in_words, figures
from segstudio.session.session import Session

REPORT = NetworkReport(
    formulation="joint",
    architecture="unet",
    in_channels=1,
    out_channels=5,
    stride=8,
    patch=128,
    batch=8,
    parameters=1_000_000,
    trainable=1_000_000,
    encoder_parameters=600_000,
    flops_per_mpx=81e9,
    training_bytes=2.5e9,
    kept_bytes=2e9,
    prediction_bytes=150e6,
    tile=512,
    window=624,
    reach=54,
    object_diameter_px=20.0,
    layers=(
        Layer(path="", kind="Net", shape=(5, 128, 128), calls=1, parameters=1_000_000, flops_per_mpx=81e9, leaf=False),
        Layer(path="pool", kind="MaxPool2d", shape=(5, 64, 64), calls=3),
    ),
)


def _said(**changes: object) -> dict[str, str]:
    return {item.title: f"{item.text} {item.warning}".strip() for item in figures(REPORT.model_copy(update=changes))}


def test_five_sentences_say_what_matters() -> None:
    said = _said()
    assert said["Size"] == "1 million parameters, 60 % of them in the encoder."
    assert said["Work"].startswith("81 GFLOPs per megapixel")
    assert said["Memory"].startswith("About 2.5 GB to train with 8 patches of 128 px, 150 MB to predict")
    assert said["Receptive field"].endswith("116 × 116 px around it; the median object is 20 px wide.")
    assert "Exact" in said["Tiles"]


def test_a_receptive_field_smaller_than_an_object_is_told() -> None:
    assert "less than an object" in _said(object_diameter_px=117.0)["Receptive field"]
    assert "less than an object" not in _said(object_diameter_px=None)["Receptive field"]


def test_a_detector_says_on_what_it_was_measured() -> None:
    assert "on an empty image of 128 px" in _said(measured_px=128)["Work"]
    assert "empty" not in _said()["Work"]


def test_a_network_that_sees_everything_is_never_too_small() -> None:
    said = _said(reach=None, object_diameter_px=5000.0)
    assert "everything" in said["Receptive field"]
    assert "less than" not in said["Receptive field"]
    assert said["Tiles"] == BLENDED


def test_the_table_goes_to_other_programs() -> None:
    lines = as_csv(REPORT).splitlines()
    assert lines[1] == ",Net,1,5x128x128,1000000,81000000000,yes"
    assert lines[2] == "pool,MaxPool2d,3,5x64x64,0,0,no"
    assert "pool\tMaxPool2d, used 3 times\t5 × 64 × 64" in as_text(REPORT)


@pytest.mark.parametrize(
    ("number", "words"), [(812, "812"), (487_781, "488 thousand"), (999_700, "1 million"), (45_880_411, "45.9 million")]
)
def test_large_numbers_are_words(number: int, words: str) -> None:
    assert count_in_words(number) == words


def test_sizes_have_a_unit() -> None:
    assert [bytes_in_words(number) for number in (400, 246.4e6, 3.21e9)] == ["0.4 kB", "246 MB", "3.2 GB"]


def test_the_median_object_is_that_of_the_training_images(tmp_path: Path) -> None:
    for name, side in (("a", 6), ("b", 10)):
        labels = grid_of_squares((40, 40), side)
        for place, content in (("images", np.full((40, 40), side, np.uint8)), ("masks", labels.astype(np.uint16))):
            (tmp_path / place).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / place / f"{name}.tif", content)
    with Project.create(tmp_path / "project", [tmp_path / "images"])[0] as project:
        assert object_diameter(project) is None
        project.import_masks()
        first, second = (entry.id for entry in project.images)
        for split in ("train", "test"):
            project.set_split(first, "train")
            project.set_split(second, split)
            # 25 squares of 36 px and 9 of 100: the middle one has 36, with and without the larger ones.
            assert object_diameter(project) == pytest.approx(2 * math.sqrt(36 / math.pi))
        project.set_split(first, "val")
        project.set_split(second, "train")
        assert object_diameter(project) == pytest.approx(2 * math.sqrt(100 / math.pi))


def test_a_window_that_is_closed_asks_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
    session = Session(calls.put)
    asked: list[object] = []
    monkeypatch.setattr(session.jobs, "look_at", asked.append)
    reports = NetworkReports(session)
    reports.describe(TrainingWish("", Choice(name="joint"), Choice(name="unet"), {}))
    reports.close()
    calls.get(timeout=10)()
    session.close()
    assert asked == []


def test_a_training_that_starts_from_a_model_has_its_network(tmp_path: Path) -> None:
    wish = TrainingWish("", Choice(name="joint"), Choice(name="unet"), {}, start_from=tmp_path)
    assert _with_network_of(wish, tmp_path).architecture == Choice(name="unet")  # no card there
    (tmp_path / "model.json").write_text(json.dumps({"architecture": {"name": "unet", "settings": {"depth": 5}}}))
    assert _with_network_of(wish, tmp_path).architecture.settings == {"depth": 5}
