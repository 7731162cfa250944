"""Reader: PNG, JPEG, BMP, GIF and WebP, decoded whole, upright, without transparency."""

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.cached_planes import CachedPlanes
from segstudio.io.decoding import check_budget, damaged, decoding
from segstudio.io.regular_file import open_regular
from segstudio.io.sources import BaseSource, ImageReader, readers

# The budget of `sources` decides; Pillow's own upper limit stays.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# A damaged EXIF block means that the orientation is not known, no more.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_PNG = b"\x89PNG\r\n\x1a\n"
#: Deflate cannot make a file smaller than this.
_DEFLATE_RATIO = 1100
_ORIENTATION = 0x0112


class RasterSource(BaseSource):
    """An image that can only be decoded as a whole; the newest plane is kept."""

    decodes = "planes"

    def __init__(
        self, info: ImageInfo, decode: Callable[[int], NDArray[Any]], first: NDArray[Any] | None = None
    ) -> None:
        super().__init__(info)
        self._planes = CachedPlanes(decode, first)
        self.was_decoded = first is not None

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        pixels = self._planes.get(plane)
        if pixels.shape[:2] != self.info.size:
            raise damaged(self.info.path, "its pixels do not fill the size that it states")
        return pixels[window.slices].copy()

    def _let_go(self) -> None:
        """Forget the decoded pixels."""
        self._planes.clear()


@dataclass(frozen=True)
class _PngHeader:
    width: int
    height: int
    depth: int
    colour: int  # 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA
    interlaced: bool
    frames: int

    @property
    def samples(self) -> int:
        return {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[self.colour]


def _open_png(path: Path, indices: bool) -> BaseSource:
    data = path.read_bytes()
    header = _png_header(path, data)
    palette = header.colour == 3
    dtype = np.dtype(np.uint16 if header.depth == 16 else np.uint8)
    size = header.height * header.width * header.samples * header.depth // 8
    if header.height < 1 or header.width < 1 or size // (3 if palette else 1) > _DEFLATE_RATIO * max(1, len(data)):
        raise damaged(path, f"it says {header.height} × {header.width} pixels, which {len(data):,} bytes cannot hold")
    check_budget(path, (header.height, header.width, header.samples), dtype)
    gray = header.colour in (0, 4) or (palette and indices)
    plain = header.frames == 1 and not (palette and indices) and not (header.interlaced and header.depth < 16)
    if not plain:
        return _pillow_source(path, indices, "PNG")

    def decode(_: int) -> NDArray[Any]:
        with decoding(path):
            pixels: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        if gray:
            # Few bits are widened to the whole range for seeing; as indices they are what was stored.
            scale = 255 // (2**header.depth - 1) if indices and header.depth < 8 else 1
            return pixels[..., 0] // scale if scale > 1 else np.ascontiguousarray(pixels[..., 0])
        return np.ascontiguousarray(pixels[..., :3])

    bits = f"{header.depth}-bit " if header.depth not in (8, 16) else ""
    info = _info(path, (header.height, header.width), 1 if gray else 3, f"{bits}PNG", str(dtype))
    return RasterSource(info, decode)


def _png_header(path: Path, data: bytes) -> _PngHeader:
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise damaged(path, "its header is missing")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if colour not in (0, 2, 3, 4, 6) or depth not in (1, 2, 4, 8, 16):
        raise damaged(path, "its header makes no sense")
    frames, at, kind = 1, 8, b""
    while kind != b"IEND" and at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = at + 8 + length
        # libpng reads on after some wrong checksums, with other values than were written.
        if kind[:1].isupper() and zlib.crc32(memoryview(data)[at + 4 : end]).to_bytes(4) != data[end : end + 4]:
            raise damaged(path, "a checksum is wrong or it ends early")
        if kind == b"acTL" and length == 8:
            frames = max(1, struct.unpack_from(">I", data, at + 8)[0])
        at = end + 4
    if kind != b"IEND":
        raise damaged(path, "it ends early")
    return _PngHeader(width, height, depth, colour, bool(interlace), frames)


def _open_pillow(path: Path, indices: bool) -> BaseSource:
    with open_regular(path) as file:
        head = file.read(16)
    name = next(name for name, matches in _PILLOW.items() if matches(head))
    return _pillow_source(path, indices, name)


def _pillow_source(path: Path, indices: bool, name: str) -> BaseSource:
    with _opened(path, name) as image:
        width, height = image.size
        check_budget(path, (height, width, 4), np.dtype(np.uint8))
        frames = int(getattr(image, "n_frames", 1))
        if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
        pixels = _pixels(image, indices)

    def decode(plane: int) -> NDArray[Any]:
        with decoding(path), _opened(path, name) as image:
            if plane:
                image.seek(plane)
            found = _pixels(image, indices)
        return _like(found, info)

    words = [f"{frames - 1:,} more {'frame is' if frames == 2 else 'frames are'} not shown."] if frames > 1 else []
    if name == "JPEG" and indices:
        words.append("JPEG blurs values at every edge: a mask saved as JPEG has lost its exact ids.")
    channels = 1 if pixels.ndim == 2 else 3
    info = _info(path, (height, width), channels, name, str(pixels.dtype), frames, tuple(words))
    # Decoded to learn their type, and kept for the first read.
    return RasterSource(info, decode, pixels)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=[name]) as image:
            yield image
    except Image.DecompressionBombError as error:  # also of a later frame
        raise BadInput(
            f"{path.name} is too large to be read at once: more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} "
            "million pixels.",
            hint="Save it as a tiled TIFF, or cut it into smaller images.",
            code="image-too-large",
            path=path,
        ) from error


def _pixels(image: Image.Image, indices: bool) -> NDArray[Any]:
    upright = ImageOps.exif_transpose(image)
    mode = upright.mode
    if mode == "P" and not indices:
        return np.array(upright.convert("RGBA"))[..., :3].copy()
    if mode in ("1", "L", "P", "I;16", "I;16B", "I", "F"):
        pixels = np.array(upright)
        if mode == "1":
            return pixels.astype(np.uint8) * (1 if indices else 255)
        return pixels.astype(pixels.dtype.newbyteorder("="))
    if mode == "LA":
        return np.array(upright)[..., 0].copy()
    if mode == "RGBA":
        return np.array(upright)[..., :3].copy()
    return np.array(upright if mode == "RGB" else upright.convert("RGB"))


def _like(pixels: NDArray[Any], info: ImageInfo) -> NDArray[Any]:
    """Give a later frame the channels of the first: in animations with a palette only that one has indices."""
    return pixels[..., 0].copy() if info.channels == 1 and pixels.ndim == 3 else pixels


def _info(  # noqa: PLR0913 - the fields of one record
    path: Path,
    size: tuple[int, int],
    channels: int,
    name: str,
    dtype: str,
    frames: int = 1,
    words: tuple[str, ...] = (),
) -> ImageInfo:
    return ImageInfo(
        path=path,
        height=size[0],
        width=size[1],
        channels=channels,
        dtype=dtype,
        kind="gray" if channels == 1 else "rgb",
        axes=("T" if frames > 1 else "") + ("YX" if channels == 1 else "YXS"),
        shape=(*((frames,) if frames > 1 else ()), *size, *((channels,) if channels > 1 else ())),
        format=name,
        planes=frames,
        warnings=words,
    )


_PILLOW: dict[str, Callable[[bytes], bool]] = {
    "JPEG": lambda head: head.startswith(b"\xff\xd8\xff"),
    "BMP": lambda head: head.startswith(b"BM"),
    "GIF": lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    "WEBP": lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
}

readers.register("png")(
    ImageReader(formats=("PNG",), suffixes=(".png",), matches=lambda head: head.startswith(_PNG), open=_open_png)
)
readers.register("raster")(
    ImageReader(
        formats=("JPEG", "BMP", "GIF", "WebP"),
        suffixes=(".jpg", ".jpeg", ".bmp", ".gif", ".webp"),
        matches=lambda head: any(matches(head) for matches in _PILLOW.values()),
        open=_open_pillow,
    )
)
