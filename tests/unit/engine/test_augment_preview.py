from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from factories import cells

from segstudio.core.errors import BadInput
from segstudio.engine.run import run_job
from segstudio.engine.training.augment_preview import UNKNOWN
from segstudio.engine.training.preview import picture
from segstudio.jobs.messages import Artifact, Finished
from segstudio.jobs.spec import AugmentJob, SampleRecord


def a_sample(folder: Path, name: str, seed: int = 0, *, labelled: bool = True) -> SampleRecord:
    made = cells((120, 150), 14, seed=seed, dtype="uint16")
    tifffile.imwrite(folder / f"{name}.tif", made.image)
    tifffile.imwrite(folder / f"{name}-labels.tif", made.labels.astype(np.uint16))
    labels = folder / f"{name}-labels.tif"
    return SampleRecord(
        image_id=name, image=folder / f"{name}.tif", labels=labels if labelled else None, complete=labelled
    )


def patches(folder: Path, output: str = "out", seed: int = 0, **augmentation: Any) -> list[tuple[Any, Any]]:
    job = AugmentJob(
        job_id="1",
        samples=(a_sample(folder, "a"), a_sample(folder, "b", 5)),
        output=folder / output,
        config={"augmentation": augmentation, "data": {"patch_size": 96}},
        seed=seed,
    )
    messages = list(run_job(job))
    assert isinstance(messages[-1], Finished)
    (made,) = (message for message in messages if isinstance(message, Artifact))
    assert made.details == {"patches": 8, "patch_px": 96}
    assert made.image_id == "a"
    folder_made = Path(made.path)
    return [
        (read(folder_made / f"{number}-image.png"), read(folder_made / f"{number}-labels.png")) for number in range(8)
    ]


def read(path: Path) -> Any:
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)


OFF = {"flips": False, "gain": 0, "offset": 0, "gamma": 0, "noise": 0}


def test_eight_patches_with_their_labels_the_same_for_a_seed(tmp_path: Path) -> None:
    strong = {"scale": 0.4, "rotation": 90, "elastic": 5, "mosaic": 0.5, "copy_paste": 0.5, "cut_out": 0.5}
    first, again = patches(tmp_path, **strong), patches(tmp_path, "again", **strong)
    other = patches(tmp_path, "other", seed=1, **strong)
    for (image, labels), (same, same_labels) in zip(first, again, strict=True):
        assert image.shape == (96, 96, 3)
        assert labels.dtype == np.uint16
        assert np.array_equal(image, same)
        assert np.array_equal(labels, same_labels)
    assert not np.array_equal(first[0][0], other[0][0])
    assert any((labels == UNKNOWN).any() for _, labels in first)


def test_unchanged_patches_are_pieces_of_the_first_image_with_its_labels(tmp_path: Path) -> None:
    truth = cells((120, 150), 14, seed=0, dtype="uint16").labels
    places = [(y, x) for y in range(120 - 96 + 1) for x in range(150 - 96 + 1)]
    for _, labels in patches(tmp_path, **OFF)[:3]:
        pieces = (truth[y : y + 96, x : x + 96] > 0 for y, x in places)
        assert any(np.array_equal(labels > 0, piece) for piece in pieces)


def test_an_image_without_labels_is_refused_with_a_sentence(tmp_path: Path) -> None:
    job = AugmentJob(job_id="1", samples=(a_sample(tmp_path, "a", labelled=False),), output=tmp_path / "out")
    with pytest.raises(BadInput, match=r"Nothing is labelled in a\.tif"):
        list(run_job(job))
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_for_somebody_who_has_gone(tmp_path: Path) -> None:
    job = AugmentJob(job_id="1", samples=(a_sample(tmp_path, "a"),), output=tmp_path / "gone" / "out")
    with pytest.raises(OSError, match="gone"):
        list(run_job(job))
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("channels", [1, 2, 3, 7])
def test_any_number_of_channels_makes_a_picture(channels: int) -> None:
    image = np.linspace(-0.5, 1.5, channels * 16, dtype=np.float32).reshape(channels, 4, 4)
    shown = picture(image)
    assert shown.shape == (4, 4, 3)
    assert shown.dtype == np.uint8
    assert shown[0, 0, 0] == 0 if channels != 2 else shown[0, 0, 1] == 0
