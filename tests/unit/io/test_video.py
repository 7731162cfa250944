"""Videos: every frame by its number, forwards, backwards and in jumps."""

from pathlib import Path

import numpy as np
import pytest

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.sources import open_image
from segstudio.io.vetting import Vetting

av = pytest.importorskip("av")

FRAMES = 12


def film(path: Path, codec: str = "ffv1", pixels: str = "gray", fake: str | None = None) -> Path:
    """Write frames that are brighter one by one."""
    with av.open(str(path), "w", format=fake) as container:
        stream = container.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        if codec == "mpeg4":
            stream.codec_context.gop_size = 4
        for number in range(FRAMES):
            level = np.full((48, 64), 20 * number, np.uint8)
            level[:10, :10] = 255
            frame = av.VideoFrame.from_ndarray(level, format="gray").reformat(format=pixels)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_frames_are_the_planes_of_a_time_lapse(tmp_path: Path) -> None:
    with open_image(film(tmp_path / "a.mkv")) as source:
        info = source.info
        assert (info.axes, info.shape, info.planes, info.dtype) == ("TYX", (FRAMES, 48, 64), FRAMES, "uint8")
        for plane in (0, 1, 2, 11, 5, 4, 5):
            pixels = source.read(Window(5, 5, 30, 40), plane)
            assert (int(pixels[0, 0]), int(pixels[20, 20])) == (255, 20 * plane)


def test_frames_that_are_built_on_others_are_found(tmp_path: Path) -> None:
    with open_image(film(tmp_path / "a.mp4", "mpeg4", "yuv420p")) as source:
        assert (source.info.axes, source.info.kind) == ("TYXS", "rgb")
        for plane in (7, 3, 11, 0):
            assert int(source.read(plane=plane)[40, 60].mean()) == pytest.approx(20 * plane, abs=6)


def test_it_is_looked_at_in_the_confined_process_and_damage_is_told(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", "mpeg4", "yuv420p")
    vetting = Vetting()
    try:
        gate = vetting(path, indices=False)
        assert gate is not None
        gate(Window(0, 0, 48, 64), 9, (48, 64))
    finally:
        vetting.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes(len(whole) - 200))
    with pytest.raises(BadInput, match=r"a\.avi"):
        open_image(path)
    # A list of other files is no film, whatever its name is.
    path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    with pytest.raises(BadInput, match="text file"):
        open_image(path)
