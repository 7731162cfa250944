"""Reader: OME-Zarr v0.1 to v0.5 in a local folder, chunk by chunk."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.axis_layout import AxisLayout
from segstudio.io.decoding import check_budget, damaged
from segstudio.io.finite import SEARCHED_PIXELS, float_warnings
from segstudio.io.image_place import is_image_folder
from segstudio.io.sources import BaseSource, ImagePart, ImageReader, readers
from segstudio.io.zarr_metadata import ZarrImage, zarr_image

#: Decoded chunks that are kept, bytes, for the windows beside.
_KEPT: Final = 128 * 2**20
_TYPES: Final = frozenset(
    ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
)


class ZarrSource(BaseSource):
    """The levels of one image; chunks are decoded by TensorStore, which knows no codec that runs code.

    Parameters
    ----------
    info
        As `ImageInfo` tells it: channels last.
    arrays
        One for each level, the image itself first, with their folders.
    axes
        Letters of the axes of the arrays.
    """

    def __init__(self, info: ImageInfo, arrays: "list[_Array]", axes: str) -> None:
        super().__init__(info)
        self._arrays = arrays
        self._layouts = [AxisLayout(axes, array.shape) for array in arrays]
        self.levels = tuple(layout.size for layout in self._layouts[1:])

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return self._read_level(0, window, plane)

    def _read_level(self, level: int, window: Window, plane: int) -> NDArray[Any]:
        layout = self._layouts[level]
        return layout.arranged(self._arrays[level].read(layout.index(window, plane)))

    def _let_go(self) -> None:
        """Forget the chunks."""
        self._arrays.clear()


class _Array:
    """One array on the disk, of Zarr version 2 or 3."""

    def __init__(self, path: Path, image: Path, context: Any) -> None:  # noqa: ANN401 - of TensorStore
        import tensorstore

        driver = "zarr3" if (path / "zarr.json").is_file() else "zarr"
        _refuse_link(image, path / ("zarr.json" if driver == "zarr3" else ".zarray"))
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path.absolute()}/"}, "open": True}
        try:
            self._store = tensorstore.open(spec, context=context, read=True).result()
        except ValueError as error:
            raise _not_opened(image, str(error)) from error
        self._image, self._path = image, path
        self.shape = tuple(int(length) for length in self._store.shape)
        if self._store.dtype.name not in _TYPES:
            raise BadInput(
                f"{image.name} holds values of the type {self._store.dtype.name}, which is not supported.",
                hint="Save it with whole numbers or with single or double precision.",
                code="image-unsupported",
                path=image,
            )
        self.dtype = np.dtype(self._store.dtype.numpy_dtype)
        layout = self._store.chunk_layout
        self._chunk, part = _whole(layout.write_chunk.shape), _whole(layout.read_chunk.shape)
        if 0 in self.shape or len(part) != len(self.shape):
            raise damaged(image, "its array is empty")
        check_budget(image, part, self.dtype)
        metadata = self._store.spec().to_json()["metadata"]
        if driver == "zarr":
            self._prefix, self._separator = "", str(metadata.get("dimension_separator", "."))
        else:
            encoding = metadata.get("chunk_key_encoding", {})
            self._prefix = "c" if encoding.get("name", "default") == "default" else ""
            usual = "/" if self._prefix else "."
            self._separator = str(encoding.get("configuration", {}).get("separator", usual))

    def read(self, index: list[slice]) -> NDArray[Any]:
        """Return a part of the array."""
        for file in self._files(index):
            _refuse_link(self._image, file)
        found: NDArray[Any] = np.asarray(self._store[tuple(index)].read().result())
        return found

    def _files(self, index: list[slice]) -> Iterator[Path]:
        """Yield the files that hold a part, and the folders on the way to them."""
        ranges = [
            range(part.start // chunk, (part.stop - 1) // chunk + 1)
            for part, chunk in zip(index, self._chunk, strict=True)
        ]
        told: set[str] = set()
        for place in product(*ranges):
            key = self._separator.join([*([self._prefix] if self._prefix else []), *map(str, place)])
            parts = key.split("/")
            for end in range(1, len(parts) + 1):
                name = "/".join(parts[:end])
                if name not in told:
                    told.add(name)
                    yield self._path / name


def _whole(shape: Any) -> tuple[int, ...]:  # noqa: ANN401 - TensorStore says that it may be anything
    return tuple(int(length) for length in shape)


def _refuse_link(image: Path, path: Path) -> None:
    if path.is_symlink():
        raise BadInput(
            f"{image.name} holds a link to another place ({path.name[:60]}), which is not followed.",
            hint="Copy the image together with what it links to.",
            code="image-link",
            path=image,
        )
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise damaged(image, f"“{path.name[:60]}” in it is neither a file nor a folder")


def _not_opened(image: Path, said: str) -> BadInput:
    if "compressor" in said or "codec" in said or "filters" in said or '"id"' in said:
        return BadInput(
            f"{image.name} is stored with a compression or a filter that cannot be read.",
            hint="Save it with Blosc, Zstandard or gzip.",
            code="image-unsupported",
            path=image,
        )
    return damaged(image, "one of its arrays makes no sense or is missing")


def _open(path: Path, indices: bool) -> BaseSource:
    import tensorstore

    image = zarr_image(path)
    limits = {"cache_pool": {"total_bytes_limit": _KEPT}, "file_io_concurrency": {"limit": 4}}
    context = tensorstore.Context({**limits, "data_copy_concurrency": {"limit": 2}})
    arrays = [_Array(image.folder / name, path, context) for name in image.paths]
    first = arrays[0]
    if len(first.shape) != len(image.axes):
        raise damaged(path, f"it names {len(image.axes)} axes, its array has {len(first.shape)}")
    levels = [first, *(array for array in arrays[1:] if _is_copy(array, first))]
    source = ZarrSource(_info(path, image, first), levels, image.axes)
    if len(image.parts) > 1:
        source.parts = tuple(ImagePart(name, "") for name in image.parts)
        source.part = image.parts[0]
    info = source.info
    if np.dtype(info.dtype).kind == "f" and info.height * info.width * info.channels <= SEARCHED_PIXELS:
        values = {name: getattr(info, name) for name in info.__slots__}
        source.info = ImageInfo(**{**values, "warnings": info.warnings + float_warnings(source.read())})
    return source


def _is_copy(array: _Array, first: _Array) -> bool:
    """Whether an array is a smaller copy, plane by plane; others are left out."""
    if array.shape[:-2] != first.shape[:-2] or array.dtype != first.dtype:
        return False
    factors = [large / small for large, small in zip(first.shape[-2:], array.shape[-2:], strict=True)]
    factor = max(factors)
    fits = all(
        abs(large / factor - small) <= 1 for large, small in zip(first.shape[-2:], array.shape[-2:], strict=True)
    )
    return factor > 1 and fits


def _info(path: Path, image: ZarrImage, first: _Array) -> ImageInfo:
    layout = AxisLayout(image.axes, first.shape)
    dtype = np.dtype(np.uint8) if first.dtype == np.bool_ else first.dtype
    return replace(
        layout.info(path, dtype, f"OME-Zarr {image.version}".strip()),
        pixel_size=image.pixel_size,
        channel_names=image.channel_names if len(image.channel_names) == layout.channels else (),
        channel_colours=image.channel_colours if len(image.channel_colours) == layout.channels > 1 else (),
        warnings=image.warnings,
    )


readers.register("ome-zarr")(
    ImageReader(
        formats=("OME-Zarr",),
        suffixes=(".zarr",),
        matches=lambda head: False,  # a folder
        open=_open,
        folders=is_image_folder,
    )
)
