"""Large images in a small size: copies in the file are used, others are made once and kept."""

import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io import coarse_cache, coarse_levels
from segstudio.io.coarse_cache import cached, keep, small_picture
from segstudio.io.pyramid import PyramidKey, overview, pyramid_tile
from segstudio.io.sources import open_image


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(coarse_cache, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(coarse_levels, "_SMALL", 1000)
    return tmp_path / "cache" / "coarse-levels"


def _write(path: Path, pixels: np.ndarray, subsampled: int = 2, **how: object) -> Path:
    """Write a pyramid whose copies hold other values, so that it shows which one was read."""
    with tifffile.TiffWriter(path) as writer:
        writer.write(pixels, tile=(64, 64), subifds=subsampled, **how)  # type: ignore[arg-type]
        for level in range(1, subsampled + 1):
            copy = pixels[..., :: 2**level, :: 2**level] + level
            writer.write(copy, tile=(64, 64), subfiletype=1, **how)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_copies_in_a_tiff_are_read_for_coarse_tiles(tmp_path: Path, compression: str | None) -> None:
    pixels = np.full((3, 1200, 700), 10, np.uint16)
    path = _write(
        tmp_path / "a.tif", pixels, metadata={"axes": "ZYX"}, photometric="minisblack", compression=compression
    )
    with open_image(path) as source:
        assert source.levels == ((600, 350), (300, 175))
        for plane in (0, 2):
            tiles = [pyramid_tile(source, PyramidKey(level, 0, 0), plane) for level in (0, 1, 2, 3)]
            assert [int(tile.max()) for tile in tiles] == [10, 11, 12, 12]
            assert [tile.shape for tile in tiles] == [(512, 512), (512, 350), (300, 175), (150, 88)]


def test_a_copy_that_is_none_is_not_taken_for_one(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((200, 100), np.uint8), subifds=2)
        writer.write(np.zeros((100, 100), np.uint8), subfiletype=1)
        writer.write(np.zeros((100, 50), np.uint16), subfiletype=1)
    with open_image(tmp_path / "a.tif") as source:
        assert source.levels == ()
    raw = bytearray(_write(tmp_path / "b.tif", np.zeros((200, 100), np.uint8)).read_bytes())
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        tag = tif.pages.first.tags[330]
    raw[tag.valueoffset : tag.valueoffset + 4] = (8).to_bytes(4, "little")  # points at the image itself
    (tmp_path / "b.tif").write_bytes(raw)
    with open_image(tmp_path / "b.tif") as source:
        assert source.levels == ((50, 25),)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_coarse_levels_are_means_and_picks_are_pixels(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    monkeypatch.setattr(coarse_levels, "_BAND", 256)
    monkeypatch.setattr(coarse_levels, "_PIECE", 100 * 1024)
    pixels = np.random.default_rng(0).integers(0, 200, (1030, 1501)).astype(dtype)
    np.save(tmp_path / "a.npy", pixels)
    seen: list[float] = []
    with open_image(tmp_path / "a.npy") as source:
        begun: list[coarse_levels.CoarseLevels] = []
        made = coarse_levels.build(source, 0, begun.append, lambda: seen.append(begun[0].share))
        assert made is not None
        assert np.array_equal(made.picks, pixels[::2, ::2])
        assert seen == sorted(seen)
        assert seen[-1] == 1
        for key in (PyramidKey(2, 0, 0), PyramidKey(2, 0, 1), PyramidKey(2, 2, 2)):
            if key.window.clip(source.info.size).empty:
                continue
            wanted = pyramid_tile(source, key).astype(float)
            assert made.tile(key).shape == wanted.shape
            assert np.abs(made.tile(key) - wanted).max() <= 1
        keep(made, cache / "a.levels")
        assert coarse_cache._read(cache / "a.levels", source) is not None
        (cache / "a.levels").write_bytes((cache / "a.levels").read_bytes()[:-1])
        assert coarse_cache._read(cache / "a.levels", source) is None


def test_a_large_picture_is_decoded_once_and_kept_elsewhere(tmp_path: Path, cache: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (2600, 800), dtype=np.uint8)
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / "a.tif"
    tifffile.imwrite(path, pixels, compression="zlib")
    with open_image(path) as source:
        assert cached(source, 0) is None
        first = small_picture(source)
        assert np.abs(first.astype(float) - overview(source)).max() <= 1
    with open_image(path) as source:
        source.gate = _closed  # nothing is decoded any more
        assert np.array_equal(small_picture(source), first)
    assert [item.name for item in path.parent.iterdir()] == ["a.tif"]
    tifffile.imwrite(path, pixels + 1, compression="zlib")
    with open_image(path) as source:
        assert cached(source, 0) is None


def test_of_a_damaged_image_the_rest_is_made_and_nothing_is_kept(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.full((2600, 1100), 100, np.uint8), tile=(256, 256), compression="zlib")
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.dataoffsets[27]  # row 5, column 2
    raw = bytearray(path.read_bytes())
    raw[offset : offset + 8] = b"NO ZLIB!"
    path.write_bytes(raw)
    with open_image(path) as source:
        made = coarse_cache.coarse_levels(source, 0)
        assert made is not None
        assert made.problem is not None
        assert made.share == 1
        top = made.tile(PyramidKey(2, 0, 0))
        assert (int(top[100, 100]), int(top[330, 140]), int(top[450, 30])) == (100, 0, 100)
        with pytest.raises(BadInput, match="damaged"):
            small_picture(source)
    assert not cache.exists()


def test_who_waits_for_levels_that_somebody_makes_sees_them_grow(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse_levels, "_BAND", 256)
    tifffile.imwrite(tmp_path / "a.tif", np.ones((1024, 1100), np.uint8), compression="zlib")
    seen, first_rows, go_on = threading.Event(), threading.Event(), threading.Event()
    grown: list[coarse_levels.CoarseLevels] = []

    def wait() -> None:
        first_rows.set()
        assert go_on.wait(20)

    def look(levels: coarse_levels.CoarseLevels) -> None:
        grown.append(levels)
        seen.set()

    with open_image(tmp_path / "a.tif") as source, open_image(tmp_path / "a.tif") as other:
        maker = threading.Thread(target=coarse_cache.coarse_levels, args=(source, 0), kwargs={"on_rows": wait})
        maker.start()
        assert first_rows.wait(20)
        waiter = threading.Thread(target=coarse_cache.coarse_levels, args=(other, 0), kwargs={"on_begin": look})
        waiter.start()
        assert seen.wait(20)
        assert grown[0].share == 0.25
        go_on.set()
        maker.join()
        waiter.join()
    assert len(grown) == 1, "it was read from where the first one has kept it"


def _closed(window: Window, plane: int, size: tuple[int, int], level: int) -> None:
    raise BadInput("It was decoded once more.")


def test_the_kept_levels_take_no_more_than_their_share(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "a.npy", np.zeros((400, 400), np.uint8))
    with open_image(tmp_path / "a.npy") as source:
        made = coarse_levels.build(source, 0)
    assert made is not None
    for name in "abcdef":
        keep(made, cache / f"{name}.levels")
    size = (cache / "a.levels").stat().st_size
    monkeypatch.setattr(coarse_cache, "_MOST", 4 * size)
    keep(made, cache / "g.levels")
    assert sorted(path.stem for path in cache.iterdir()) == ["d", "e", "f", "g"]
    monkeypatch.setattr(coarse_cache, "_SPARED", 1 << 60)
    keep(made, cache / "h.levels")
    assert not (cache / "h.levels").exists(), "a disk that is nearly full is left alone"
