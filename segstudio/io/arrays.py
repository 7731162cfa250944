"""Reader: arrays of NumPy, `.npy` and `.npz`, header first, never a Python object."""

import math
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo, Kind
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.decoding import check_budget, damaged
from segstudio.io.file_heads import NO_OUTLINES
from segstudio.io.finite import MAGNITUDE, SEARCHED_PIXELS, float_warnings, real_type
from segstudio.io.sources import BaseSource, ImageReader, readers

_MAGIC = b"\x93NUMPY"
#: Members of an archive that are taken first, in this order.
_MEMBERS = ("masks", "labels", "label", "image", "arr_0")
_MOST_MEMBERS = 10_000
#: Largest whole number up to which doubles hold every one.
_EXACT = 2**53


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class _Axes:
    """An array's axes as planes, rows, columns, samples; singletons dropped."""

    planes: int
    height: int
    width: int
    samples: int
    letters: str
    kind: Kind


class ArraySource(BaseSource):
    """An array file; rows of uncompressed row-major ones are read alone."""

    decodes = "nothing"

    def __init__(self, info: ImageInfo, path: Path, header: _Header, archive: bytes | None) -> None:
        super().__init__(info)
        self._header = header
        self._whole: NDArray[Any] | None = None
        self._lock = threading.Lock()
        if archive is not None:
            self._whole = np.frombuffer(archive, header.dtype)
        self._file: BinaryIO | None = None if archive is not None else path.open("rb")

    def _let_go(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._whole = None

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        info, header = self.info, self._header
        if header.fortran or self._file is None:
            shape = (info.planes, info.height, info.width, info.channels)
            pixels = self._all().reshape(header.shape, order="F" if header.fortran else "C").reshape(shape)[plane]
            part = pixels[window.slices]
        else:
            row = info.width * info.channels
            start = (plane * info.height + window.y0) * row
            rows = self._values(start, window.height * row).reshape(window.height, info.width, info.channels)
            part = rows[:, window.x0 : window.x1]
        if info.channels == 1:
            part = part[..., 0]
        part = np.abs(part) if part.dtype.kind == "c" else part
        return np.array(part, dtype=np.dtype(info.dtype), order="C")

    def _all(self) -> NDArray[Any]:
        with self._lock:
            if self._whole is None:
                check_budget(self.info.path, self._header.shape, self._header.dtype)
        if self._whole is None:
            self._whole = self._values(0, math.prod(self._header.shape))
        return self._whole

    def _values(self, start: int, count: int) -> NDArray[Any]:
        item = self._header.dtype.itemsize
        assert self._file is not None
        with self._lock:
            self._file.seek(self._header.offset + start * item)
            data = self._file.read(count * item)
        if len(data) < count * item:
            raise damaged(self.info.path, "its values end early")
        return np.frombuffer(data, self._header.dtype)


def _open_npy(path: Path, indices: bool) -> BaseSource:
    with path.open("rb") as file:
        header = _header(path, file, indices)
    size = path.stat().st_size
    if header.offset + header.size > size:
        raise damaged(path, f"its header speaks of {header.size:,} bytes, the file has {size:,}")
    return _source(path, header, "NumPy", None, ())


def _open_npz(path: Path, indices: bool) -> BaseSource:
    with zipfile.ZipFile(path) as archive:
        members = [member.filename for member in archive.infolist()[:_MOST_MEMBERS]]
        names = [name for name in members if name.endswith(".npy")]
        if not names and any(name.lower().endswith(".roi") for name in members):
            raise BadInput(
                f"{path.name} holds ImageJ regions of interest, not an image.",
                hint=f"{NO_OUTLINES[0].upper()}{NO_OUTLINES[1:]}.",
                code="image-format",
                path=path,
            )
        if not names:
            weights = any(name.endswith("/data.pkl") for name in members)
            raise BadInput(
                f"{path.name} holds the weights of a network (PyTorch), not an image."
                if weights
                else f"{path.name} is a ZIP archive without an array.",
                hint="Choose an image." if weights else "Unpack it and open the images inside.",
                code="image-format",
                path=path,
            )
        wanted = [f"{member}.npy" for member in _MEMBERS]
        name = next((member for member in wanted if member in names), names[0])
        with archive.open(name) as member:
            header = _header(path, member, indices)
            check_budget(path, header.shape, header.dtype)
            data = member.read(header.size)
    if len(data) < header.size:
        raise damaged(path, "its values end early")
    words = (f"Shown is the array '{name[:-4][:60]}'; {len(names) - 1} more in the file.",) if len(names) > 1 else ()
    return _source(path, header, "NumPy archive", data, words)


def _header(path: Path, file: IO[bytes], indices: bool) -> _Header:
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(file)
    else:
        raise damaged(path, f"it is of the unknown version {version[0]}.{version[1]}")
    if dtype.hasobject:
        raise BadInput(
            f"{path.name} holds Python objects, which could run code, and is not opened.",
            hint="In the program that wrote it, export the masks or the image as PNG or TIFF.",
            code="image-objects",
            path=path,
        )
    words = {"V": "records", "U": "text", "S": "text", "M": "dates", "m": "time spans"}
    if dtype.kind not in "buifc" or dtype.itemsize > (16 if dtype.kind == "c" else 8):
        raise BadInput(
            f"{path.name} holds {words.get(dtype.kind, f'numbers of the type {dtype}')}, not pixels.",
            hint="Save an array of whole numbers or of single or double precision.",
            code="image-unsupported",
            path=path,
        )
    if dtype.kind == "c" and indices:
        raise BadInput(
            f"{path.name} holds complex numbers, not labels.",
            hint="Save the labels as whole numbers.",
            code="image-unsupported",
            path=path,
        )
    return _Header(tuple(int(length) for length in shape), bool(fortran), dtype, file.tell())


def _source(path: Path, header: _Header, name: str, archive: bytes | None, words: tuple[str, ...]) -> BaseSource:
    axes = _axes(path, header)
    if header.dtype.kind == "c":
        words = (*words, MAGNITUDE)
    dtype = np.dtype(np.uint8) if header.dtype.kind == "b" else real_type(header.dtype.newbyteorder("="))
    sizes = {"I": axes.planes, "Y": axes.height, "X": axes.width, "S": axes.samples, "C": axes.samples}
    info = ImageInfo(
        path=path,
        height=axes.height,
        width=axes.width,
        channels=axes.samples,
        dtype=dtype.name,
        kind=axes.kind,
        axes=axes.letters,
        shape=tuple(sizes[letter] for letter in axes.letters),
        format=name,
        planes=axes.planes,
        warnings=words,
        sure=len(axes.letters) == 2,
    )
    source = ArraySource(info, path, header, archive)
    try:
        source.info = _with_value_warnings(source)
    except BadInput:
        source.close()
        raise
    return source


def _with_value_warnings(source: ArraySource) -> ImageInfo:
    info = source.info
    dtype = np.dtype(info.dtype)
    if dtype in (np.dtype(np.int64), np.dtype(np.uint64)):
        for plane in range(info.planes):
            pixels = source.read(plane=plane)
            if int(pixels.max()) > _EXACT or int(pixels.min()) < -_EXACT:
                raise BadInput(
                    f"{info.path.name} holds whole numbers beyond 2^53, which cannot be computed with exactly.",
                    hint="Save it with 32-bit numbers.",
                    code="image-unsupported",
                    path=info.path,
                )
    if dtype.kind != "f" or info.height * info.width * info.channels > SEARCHED_PIXELS:
        return info
    found = float_warnings(source.read())
    values = {name: getattr(info, name) for name in info.__slots__}
    return ImageInfo(**{**values, "warnings": info.warnings + found})


def _axes(path: Path, header: _Header) -> _Axes:
    shape = header.shape
    if 0 in shape or len(shape) < 2:
        raise BadInput(
            f"{path.name} is an array of the shape {shape}, not an image.",
            hint="An image has rows and columns.",
            code="image-shape",
            path=path,
        )
    while len(shape) > 2 and (1 in shape[:-2] or (shape[-1] == 1 and len(shape) > 3)):
        shape = tuple(n for at, n in enumerate(shape) if at != shape.index(1)) if 1 in shape[:-2] else shape[:-1]
    if len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    samples = shape[-1] if len(shape) in (3, 4) and shape[-1] in (2, 3, 4) else 1
    if samples > 1:
        shape = shape[:-1]
    if len(shape) > 3:
        raise BadInput(
            f"{path.name} has {len(header.shape)} axes, {header.shape}, and does not say what they mean.",
            hint="Save it as OME-TIFF, or as an array of rows and columns.",
            code="image-shape",
            path=path,
        )
    colour = samples in (3, 4) and header.dtype in (np.dtype(np.uint8), np.dtype(np.uint16))
    kind: Kind = "rgb" if samples == 3 and colour else "channels" if samples > 1 else "gray"
    planes = shape[0] if len(shape) == 3 else 1
    letters = ("I" if planes > 1 else "") + "YX" + ("" if samples == 1 else "S" if kind == "rgb" else "C")
    return _Axes(planes, shape[-2], shape[-1], samples, letters, kind)


readers.register("npy")(
    ImageReader(
        formats=("NumPy array",), suffixes=(".npy",), matches=lambda head: head.startswith(_MAGIC), open=_open_npy
    )
)
readers.register("npz")(
    ImageReader(
        formats=("NumPy archive",),
        suffixes=(".npz",),
        matches=lambda head: head.startswith(b"PK\x03\x04"),
        open=_open_npz,
    )
)
