"""Images that the program makes are read back as they were written."""

import threading
from pathlib import Path

import numpy as np
import pytest

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.image_file import image_tiff_by_tile, open_made
from segstudio.io.tiff_pixels import TiffSource


def _write(path: Path, pixels: np.ndarray) -> Path:
    path.write_bytes(b"".join(image_tiff_by_tile(pixels.shape, lambda window: pixels[(slice(None), *window.slices)])))
    return path


@pytest.mark.parametrize("held", [True, False], ids=["in memory", "from the file"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pages_are_channels_whatever_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, held: bool
) -> None:
    if not held:
        monkeypatch.setattr("segstudio.io.image_file._IN_MEMORY", 0)
    pixels = np.random.default_rng(0).normal(500, 100, (channels, 300, 270)).astype(np.float32)
    with open_made(_write(tmp_path / "made.tif", pixels)) as source:
        assert (source.info.size, source.info.channels, source.info.planes) == ((300, 270), channels, 1)
        part = source.read(Window(250, 200, 400, 300))
        expected = np.moveaxis(pixels, 0, 2)[250:300, 200:270]
        assert np.array_equal(part, expected if channels > 1 else expected[..., 0])
        part[:] = 0
        assert source.read(Window(250, 200, 251, 201)).all(), "what one reader does to its pixels is no other's"


def test_a_small_one_holds_no_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "made.tif", np.full((1, 20, 20), 7, np.float32))
    source = open_made(path)
    path.unlink()
    assert (source.read() == 7).all()
    source.close()


def test_a_file_is_not_let_go_while_somebody_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "made.tif", np.full((1, 30, 40), 7, np.float32))
    monkeypatch.setattr("segstudio.io.image_file._IN_MEMORY", 0)  # as if it were too large to be held
    source = open_made(path)
    assert isinstance(source, TiffSource)
    reads, goes_on, found = threading.Event(), threading.Event(), []
    read_file = source._read

    def slow(window: Window, plane: int) -> np.ndarray:
        reads.set()
        goes_on.wait(30)
        return read_file(window, plane)

    monkeypatch.setattr(source, "_read", slow)
    reader = threading.Thread(target=lambda: found.append(source.read()))
    closer = threading.Thread(target=source.close)
    reader.start()
    reads.wait(30)
    closer.start()
    closer.join(0.1)
    assert closer.is_alive(), "it waits for who reads"
    goes_on.set()
    reader.join(30)
    closer.join(30)
    assert found[0].shape == (30, 40)
    assert (found[0] == 7).all()
    with pytest.raises(BadInput, match=r"made\.tif is not open any more"):
        source.read()
    source.close()
