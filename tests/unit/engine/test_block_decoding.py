"""Large images: decoded in blocks they give the objects that one look at the whole gives."""

import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells
from numpy.typing import NDArray
from scipy import ndimage

from segstudio.core.metrics import evaluate
from segstudio.core.tiles import Window
from segstudio.engine.formulations import DecodeSettings, formulations
from segstudio.engine.formulations.base import Formulation
from segstudio.engine.prediction import block_decoding, map_store
from segstudio.engine.prediction.block_decoding import Found, decode_steps
from segstudio.engine.prediction.map_store import FileStore, MemoryStore, new_store
from segstudio.io.disk import DISK, DiskError

DATA = Path(os.environ.get("SEGSTUDIO_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "nuclei"
SETTINGS = {
    "distance": ("joint", {"decoder": "distance"}),
    "flow": ("joint", {"decoder": "flow"}),
    "boundary": ("boundary", {}),
    "semantic": ("semantic", {}),
}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_decoding, "CORE", 200)
    monkeypatch.setattr(block_decoding, "MARGIN", 64)


def blocks(formulation: Formulation, maps: NDArray[np.float32], settings: DecodeSettings) -> tuple[Found, int]:
    """Return what decoding by blocks finds, and the number of blocks."""
    steps = decode_steps(
        formulation, MemoryStore(maps), settings, MemoryStore(np.zeros((1, *maps.shape[1:]), np.int32))
    )
    total = 0
    try:
        while True:
            total = next(steps)[1]
    except StopIteration as end:
        found: Found = end.value
    return found, total


def labels_of(found: Found) -> NDArray[np.int32]:
    return found.read(Window.whole(found.shape))


def noisy_maps(formulation: Formulation, labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the maps of a network that has learned `labels` nearly."""
    maps = formulation.perfect_maps(formulation.encode(labels))
    noise = np.random.default_rng(0).normal(0, 0.15, maps.shape)
    return np.asarray(ndimage.gaussian_filter(maps + noise, (0, 1, 1)), np.float32)


def nuclei_mosaic(side: int) -> NDArray[np.int32]:
    """Return the true labels of real images side by side."""
    files = sorted((DATA / "val" / "masks").glob("*.tif"))
    if not files:
        pytest.skip("the real nuclei are not here: set SEGSTUDIO_DATA to the folder of the data")
    mosaic = np.zeros((side, side), np.int32)
    last, y, x, bottom = 0, 0, 0, 0
    for file in files * 20:
        image = tifffile.imread(file).astype(np.int32)
        part = image[: side - y, : side - x]
        mosaic[y : y + part.shape[0], x : x + part.shape[1]] = np.where(part > 0, part + last, 0)
        last += int(image.max())
        bottom, x = max(bottom, y + image.shape[0]), x + image.shape[1]
        if x >= side:
            x, y = 0, bottom
        if y >= side:
            return mosaic
    return mosaic


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", SETTINGS)
def test_blocks_give_the_objects_of_the_whole_on_real_nuclei(name: str) -> None:
    kind, values = SETTINGS[name]
    formulation = formulations.get(kind)()
    settings = formulation.DecodeConfig.model_validate(values)
    maps = noisy_maps(formulation, nuclei_mosaic(900))
    whole = formulation.decode(maps, settings)
    found, total = blocks(formulation, maps, settings)
    labels = labels_of(found)
    assert total == 25
    assert np.count_nonzero((labels > 0) != (whole.labels > 0)) <= 1e-4 * labels.size
    score = evaluate(whole.labels, labels, (0.5, 0.95))
    assert score.truth_objects > 150
    assert score.at(0.5).f1 > 0.998
    assert score.at(0.95).f1 > 0.995
    assert set(np.unique(labels)) == {0, *found.classes} == {0, *found.scores}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", SETTINGS)
def test_where_nothing_is_doubtful_blocks_are_equal_to_the_whole(name: str) -> None:
    kind, values = SETTINGS[name]
    formulation = formulations.get(kind)()
    settings = formulation.DecodeConfig.model_validate({**values, "min_size": 30})
    maps = formulation.perfect_maps(formulation.encode(cells((500, 620), 150, 3).labels))
    whole = formulation.decode(maps, settings)
    found, total = blocks(formulation, maps, settings)
    assert total > 4
    # Where two basins are equally near, the order in which pixels are flooded decides.
    ties = 30 if name == "boundary" else 0
    assert np.count_nonzero(labels_of(found) != whole.labels) <= ties
    assert found.classes == whole.classes
    assert found.scores == pytest.approx(whole.scores, abs=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_a_fibre_longer_than_a_block_is_one_object() -> None:
    semantic = formulations.get("semantic")()
    labels = np.zeros((700, 700), np.int32)
    labels[20:28, 10:690] = labels[20:690, 10:18] = labels[20:690, 682:690] = 1  # an arch: two feet, one object
    labels[300:340, 300:340] = 2
    found, total = blocks(semantic, semantic.perfect_maps(semantic.encode(labels)), semantic.DecodeConfig())
    assert total > 8
    assert np.array_equal(labels_of(found), labels)


@pytest.mark.usefixtures("small_blocks")
def test_an_object_wider_than_a_block_has_the_score_and_class_of_all_its_pixels() -> None:
    boundary = formulations.get("boundary")(None, (4, 7))
    labels = np.zeros((500, 900), np.int32)
    labels[60:440, 30:870] = 1
    labels[450:480, 30:60] = 2
    maps = boundary.perfect_maps(boundary.encode(labels))
    maps[1] *= np.linspace(0.61, 1, 900, dtype=np.float32)  # surest at its right end
    maps[3], maps[4] = labels > 0, 0
    maps[3:, :, :520] = maps[3:, :, :520][::-1].copy()  # most of it is of the second class
    whole = boundary.decode(maps, boundary.DecodeConfig())
    found, total = blocks(boundary, maps, boundary.DecodeConfig())
    assert total == 15
    assert np.array_equal(labels_of(found), whole.labels)
    assert found.scores == pytest.approx(whole.scores, abs=1e-9)
    assert whole.scores[1] == pytest.approx(0.8, abs=0.05)
    assert found.classes == whole.classes == {1: 7, 2: 7}


@pytest.mark.usefixtures("small_blocks")
def test_an_object_is_measured_whole_before_it_is_dropped_as_small() -> None:
    semantic = formulations.get("semantic")()
    labels = np.zeros((500, 500), np.int32)
    labels[240:246, 20:480] = 1
    settings = semantic.DecodeConfig(min_size=6 * 460)
    found, _ = blocks(semantic, semantic.perfect_maps(semantic.encode(labels)), settings)
    assert np.array_equal(labels_of(found), labels)
    larger = settings.model_copy(update={"min_size": 6 * 460 + 1})
    assert not labels_of(blocks(semantic, semantic.perfect_maps(semantic.encode(labels)), larger)[0]).any()


def test_an_image_below_the_size_of_a_block_is_decoded_whole() -> None:
    joint = formulations.get("joint")()
    maps = noisy_maps(joint, cells((300, 420), 60, 1).labels)
    whole = joint.decode(maps, joint.DecodeConfig())
    found, total = blocks(joint, maps, joint.DecodeConfig())
    assert total == 1
    assert np.array_equal(labels_of(found), whole.labels)
    assert (found.classes, found.scores) == (whole.classes, whole.scores)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32])
def test_a_file_of_maps_gives_back_what_was_written(tmp_path: Path, dtype: type) -> None:
    values = np.random.default_rng(0).integers(0, 900, (3, 50, 70)).astype(dtype)
    store = FileStore(tmp_path / "scratch", values.shape, dtype)
    for window in (Window(0, 0, 50, 33), Window(0, 33, 20, 70), Window(20, 33, 50, 70)):
        store.write(window, values[:, *window.slices])
    assert np.array_equal(store.read(Window(7, 5, 44, 66)), values[:, 7:44, 5:66])
    store.publish(tmp_path / "maps.npy")
    assert np.array_equal(store.read(Window(0, 0, 50, 70)), values)
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["maps.npy"]
    assert np.array_equal(np.load(tmp_path / "maps.npy"), values)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the name of an open file")
def test_a_program_that_is_killed_leaves_no_file_of_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_store, "MOST_PIXELS", 0)
    store = new_store(tmp_path, (2, 6, 7), np.float32)
    store.write(Window(1, 2, 4, 7), np.full((2, 3, 5), 3.5, np.float32))
    assert not list(tmp_path.iterdir())
    assert store.read(Window(0, 0, 6, 7)).sum() == 2 * 15 * 3.5
    store.close()


def test_a_file_of_maps_that_is_not_published_is_gone_after_closing(tmp_path: Path) -> None:
    FileStore(tmp_path / "scratch", (1, 5, 5), np.float32).close()
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_at_once_is_left_without_a_file_of_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DISK, "truncate", refuse)
    with pytest.raises(DiskError):
        FileStore(tmp_path / "scratch", (1, 5, 5), np.float32)
    assert not list(tmp_path.iterdir())
