"""Videos: every frame by its number, forwards, backwards and in jumps."""

from pathlib import Path

import numpy as np
import pytest

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io import video
from segstudio.io.sources import open_image
from segstudio.io.vetting import Vetting

av = pytest.importorskip("av")

FRAMES = 12


def film(
    path: Path, codec: str = "ffv1", pixels: str = "gray", fake: str | None = None, frames: int = FRAMES, **options: str
) -> Path:
    """Write frames that are brighter one by one."""
    with av.open(str(path), "w", format=fake) as container:
        stream = container.add_stream(codec, rate=5, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        if codec == "mpeg4":
            stream.codec_context.gop_size = 4
        for number in range(frames):
            level = np.full((48, 64), 20 * number % 240, np.uint8)
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


@pytest.mark.parametrize(
    ("name", "codec", "between"),
    [("a.mp4", "mpeg4", "0"), ("a.mp4", "mpeg4", "2"), ("a.avi", "mpeg4", "0"), ("a.avi", "mpeg4", "2")],
)
def test_a_film_with_an_index_is_not_read_from_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, between: str
) -> None:
    path = film(tmp_path / name, codec, "yuv420p", frames=300, bf=between, b="4M")
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.video[0])
        times = sorted(packet.pts if packet.pts is not None else packet.dts for packet in packets if packet.size)
    monkeypatch.setattr(video, "_PATIENCE_S", -1.0)  # none of the others may be read
    with open_image(path) as source:
        assert source._times == times
        for plane in (299, 0, 151, 152, 42, 298):
            assert int(source.read(plane=plane)[40, 60].mean()) == pytest.approx(20 * plane % 240, abs=8)


def test_a_film_that_takes_too_long_is_no_harmful_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "a.mkv", frames=120)
    with open_image(path) as source:
        assert source.info.planes == 120
    monkeypatch.setattr(video, "_PATIENCE_S", -1.0)
    with pytest.raises(BadInput, match="has no index of its frames"):
        open_image(path)


def test_frames_that_are_built_on_later_ones_are_found_from_everywhere(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", "mpeg4", "yuv420p", bf="2", g="2", b="4M", frames=40)
    with open_image(path) as source:
        for plane in (39, 0, 1, 20, 2, 3, 4, 38):
            assert int(source.read(plane=plane)[40, 60].mean()) == pytest.approx(20 * plane % 240, abs=8)
