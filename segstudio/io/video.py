"""Reader: videos as time-lapses, frame by frame; needs PyAV."""

import threading
from itertools import islice, pairwise
from pathlib import Path
from time import monotonic
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.cached_planes import CachedPlanes
from segstudio.io.decoding import check_budget, damaged
from segstudio.io.optional_reader import VIDEO, library_errors, library_for
from segstudio.io.regular_file import open_regular
from segstudio.io.sources import BaseSource, ImageReader, readers

#: Most frames: half a day at 25 a second.
_MOST_FRAMES: Final = 1_100_000
#: Frames before one that is looked for, when those around it do not lead to it.
_GROUP: Final = 300
#: Frames by which the index of a film is tried, and by how many places such a frame may be stored away from its turn.
_LOOKED_AT, _REORDERED = 100, 20
#: Seconds for a film without an index: before who vets it gives it up as one that does harm.
_PATIENCE_S: Final = 40.0
#: Brands of still pictures that begin as films do.
_STILL: Final = frozenset((b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"jxl "))


class VideoSource(BaseSource):
    """The frames of the first film in a file; the newest is kept, and the next one follows without a search."""

    def __init__(self, info: ImageInfo, container: Any, times: list[int], file: Any) -> None:  # noqa: ANN401
        super().__init__(info)
        self._container, self._times, self._file = container, times, file
        self._stream = container.streams.video[0]
        # The first frame may be decoded before the time at which it is shown.
        self._begin = min([times[0], *(entry.timestamp for entry in islice(self._stream.index_entries, 1))])
        self._frames: Any = None
        self._next = -1
        self._lock = threading.Lock()
        self._planes = CachedPlanes(self._decode)

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return np.array(self._planes.get(plane)[window.slices])

    def _decode(self, plane: int) -> NDArray[Any]:
        with self._lock, library_errors(VIDEO, self.info.path):
            # A frame may be built on some that a film stores before the place that is found first.
            for start in (plane, max(0, plane - _GROUP), 0):
                if start != self._next:
                    place = self._times[start] if start else self._begin
                    self._container.seek(place, stream=self._stream, backward=True, any_frame=False)
                    self._frames = self._container.decode(self._stream)
                self._next = -1
                frame = next((frame for frame in self._frames if _time(frame) >= self._times[plane]), None)
                if frame is not None and _time(frame) == self._times[plane]:
                    break
            else:
                raise damaged(self.info.path, f"frame {plane + 1:,} is missing in it")
            self._next = plane + 1
            pixels: NDArray[Any] = frame.to_ndarray(format="gray" if self.info.kind == "gray" else "rgb24")
            if pixels.shape[:2] != self.info.size:
                raise damaged(self.info.path, "a frame of it has another size than the first")
            return pixels

    def _let_go(self) -> None:
        """Close the file."""
        self._planes.clear()
        self._container.close()
        self._file.close()


def _time(item: Any) -> int:  # noqa: ANN401 - frame or packet
    return int(item.pts if item.pts is not None else item.dts)


def _open(path: Path, indices: bool) -> BaseSource:
    av = library_for(VIDEO, path)
    # Bytes and a fixed format, no name: playlists and references in a film lead nowhere.
    file = open_regular(path)
    try:
        head = file.read(16)
        file.seek(0)
        with library_errors(VIDEO, path):
            container = av.open(file, format=_format(head), options={"protocol_whitelist": "file"})
    except BaseException:
        file.close()
        raise
    try:
        with library_errors(VIDEO, path):
            return _source(path, container, file)
    except BaseException:
        container.close()
        file.close()
        raise


def _format(head: bytes) -> str:
    return "mov" if head[4:8] == b"ftyp" else "avi" if head.startswith(b"RIFF") else "matroska"


def _source(path: Path, container: Any, file: Any) -> BaseSource:  # noqa: ANN401 - of PyAV
    if not container.streams.video:
        raise BadInput(
            f"{path.name} holds no film.", hint="Choose a file with pictures.", code="image-format", path=path
        )
    stream = container.streams.video[0]
    stream.thread_count = 1
    times = _times(path, container, stream)
    if not times or any(first == second for first, second in pairwise(times)):
        raise damaged(path, "its frames have no times of their own")
    context = stream.codec_context
    height, width = int(context.height), int(context.width)
    if min(height, width) < 1:
        raise damaged(path, f"it says that it has {height} × {width} pixels")
    check_budget(path, (height, width, 3), np.dtype(np.uint8))
    gray = str(context.pix_fmt or "").startswith("gray")
    several = len(times) > 1
    info = ImageInfo(
        path=path,
        height=height,
        width=width,
        channels=1 if gray else 3,
        dtype="uint8",
        kind="gray" if gray else "rgb",
        axes=("T" if several else "") + ("YX" if gray else "YXS"),
        shape=(*((len(times),) if several else ()), height, width, *(() if gray else (3,))),
        format=f"video ({context.name})",
        planes=len(times),
        warnings=("A film is compressed with losses: measure its intensities with care.",),
    )
    return VideoSource(info, container, times, file)


def _times(path: Path, container: Any, stream: Any) -> list[int]:  # noqa: ANN401 - of PyAV
    """Return the times of all frames, in their order: by the index of the film, where that is right, else by reading.

    The index of MP4, MOV and AVI tells when frames are decoded. That is when they are shown, unless frames are built on
    later ones; then it is the same with all of them moved, as long as they follow each other in equal steps.
    """
    packets = (packet for packet in container.demux(stream) if packet.size)
    shown = (_time(packet) for packet in packets if packet.pts is not None or packet.dts is not None)
    times = list(islice(shown, _LOOKED_AT))
    first = sorted(times)
    told = [entry.timestamp for entry in stream.index_entries] if stream.frames > _LOOKED_AT else []
    if len(told) == stream.frames and len(times) == _LOOKED_AT and stream.frames <= _MOST_FRAMES:
        steps = {second - first for first, second in pairwise(told)}
        if not stream.codec_context.has_b_frames or len(steps) == 1:
            moved = [time - told[0] + first[0] for time in told]
            if moved[: _LOOKED_AT - _REORDERED] == first[: _LOOKED_AT - _REORDERED]:
                return moved
    begin = monotonic()
    for time in shown:
        times.append(time)
        if len(times) > _MOST_FRAMES:
            raise damaged(path, "it has more frames than can be shown")
        if monotonic() - begin > _PATIENCE_S:
            raise BadInput(
                f"{path.name} has no index of its frames, and takes too long to be read from end to end.",
                hint="Convert it to MP4 or MOV, copy it to a faster disk, or cut it into shorter films.",
                code="image-too-large",
                path=path,
            )
    return sorted(times)


def _matches(head: bytes) -> bool:
    if head[4:8] == b"ftyp":
        return head[8:12] not in _STILL
    return head.startswith(b"\x1a\x45\xdf\xa3") or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")


readers.register("video")(
    ImageReader(
        formats=("MP4", "MOV", "AVI", "MKV", "WebM"),
        suffixes=(".mp4", ".mov", ".avi", ".mkv", ".webm"),
        matches=_matches,
        open=_open,
    )
)
