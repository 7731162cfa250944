"""Reader: HDF5, one dataset at a time; nothing outside of the file is looked at."""

import json
import math
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo, PixelSize
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.axis_layout import AxisLayout, guessed_letters
from segstudio.io.decoding import check_budget, damaged, no_part
from segstudio.io.finite import SEARCHED_PIXELS, float_warnings
from segstudio.io.image_place import container_of
from segstudio.io.sources import BaseSource, ImagePart, ImageReader, readers

# Of h5py, which has no types and is imported with the first file.
Dataset: TypeAlias = Any
File: TypeAlias = Any
Group: TypeAlias = Any

_MAGIC: Final = b"\x89HDF\r\n\x1a\n"
#: Filters of the library itself: deflate, shuffle, checksum, szip, n-bit, scale and offset, LZF.
_FILTERS: Final = frozenset((1, 2, 3, 4, 5, 6, 32000))
#: Objects that are looked at, and how deeply they lie.
_MOST: Final = 2000
_DEEPEST: Final = 12
_LONGEST_NAME: Final = 400
#: Names that programs give the image, the best first.
_USUAL: Final = ("raw", "image", "data", "volume", "exported_data")
#: Keys of vigra's axes, as ilastik writes them.
_LETTERS: Final = {"t": "T", "z": "Z", "y": "Y", "x": "X", "c": "C"}


class Hdf5Source(BaseSource):
    """One dataset of an HDF5 file. The library does one thing at a time, for all files."""

    def __init__(self, info: ImageInfo, file: File, dataset: Dataset, layout: AxisLayout) -> None:
        super().__init__(info)
        self._file, self._dataset, self._layout = file, dataset, layout
        if dataset.chunks is None:
            self.decodes = "nothing"

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        with _LOCK:
            part = self._dataset[tuple(self._layout.index(window, plane))]
        return self._layout.arranged(np.asarray(part))

    def _let_go(self) -> None:
        """Close the file."""
        with _LOCK:
            self._file.close()


_LOCK: Final = threading.Lock()


def _h5py() -> Any:  # noqa: ANN401 - it has no types
    return import_module("h5py")


def _open(path: Path, indices: bool) -> BaseSource:
    h5py = _h5py()

    holder, wanted = container_of(path)
    with _LOCK:
        file = h5py.File(holder, "r", locking=False)
        try:
            return _source(path, holder, file, wanted)
        except BaseException:
            file.close()
            raise


def _source(path: Path, holder: Path, file: File, wanted: str) -> BaseSource:
    found = dict(_images(file))
    if not wanted and not found:
        raise BadInput(
            f"{holder.name} is an HDF5 file without an image.",
            hint="It needs a dataset of rows and columns with numbers.",
            code="image-format",
            path=path,
        )
    name = wanted or _best(found)
    dataset = found.get(name)
    if dataset is None:
        dataset = _dataset(path, file, name)
    _refuse(path, name, dataset)
    letters, sure = _letters(path, dataset)
    layout = AxisLayout(letters, tuple(int(length) for length in dataset.shape))
    parts = tuple(ImagePart(other, _words(item)) for other, item in found.items())
    words = []
    if not wanted and len(parts) > 1:
        others = ", ".join(other for other in found if other != name)[:200]
        words.append(f"Shown is the dataset “{name}”; the file also holds {others}.")
    dtype = np.dtype(np.uint8) if dataset.dtype.kind == "b" else dataset.dtype.newbyteorder("=")
    info = replace(
        layout.info(path, dtype, "HDF5"),
        pixel_size=_pixel_size(dataset, letters),
        warnings=tuple(words),
        sure=sure,
    )
    if dtype.kind == "f" and info.height * info.width * info.channels <= SEARCHED_PIXELS:
        part = dataset[tuple(layout.index(Window.whole(layout.size), 0))]
        values = {field: getattr(info, field) for field in info.__slots__}
        info = ImageInfo(**{**values, "warnings": info.warnings + float_warnings(part)})
    source = Hdf5Source(info, file, dataset, layout)
    source.parts, source.part = parts, name
    return source


def _best(found: dict[str, Dataset]) -> str:
    """Return the name of the dataset that is the image: by its usual name, else the largest."""

    def rank(name: str) -> tuple[int, int]:
        last = name.rsplit("/", 1)[-1].lower()
        return -_USUAL.index(last) if last in _USUAL else -len(_USUAL), int(found[name].size)

    return max(found, key=rank)


def _images(file: File) -> Iterator[tuple[str, Dataset]]:
    """Yield the datasets that may be images, with their names; links are not followed."""
    h5py = _h5py()

    seen = {h5py.h5o.get_info(file.id).addr}
    groups: list[tuple[str, Any]] = [("", file)]
    left = _MOST
    while groups:
        name, group = groups.pop(0)
        for key in group:
            left -= 1
            if left < 0:
                return
            path = f"{name}/{key}" if name else key
            if not _is_plain_name(key) or len(path) > _LONGEST_NAME or _is_link(group, key):
                continue
            item = group.get(key)
            if isinstance(item, h5py.Group) and path.count("/") < _DEEPEST:
                address = h5py.h5o.get_info(item.id).addr
                if address not in seen:
                    seen.add(address)
                    groups.append((path, item))
            elif isinstance(item, h5py.Dataset) and _may_be_image(item):
                yield path, item


def _is_plain_name(key: str) -> bool:
    """Whether a name can be a part of a path on every system."""
    return key not in (".", "..") and re.search(r'[\\/:*?"<>|\x00-\x1f]', key) is None


def _is_link(group: Group, key: str) -> bool:
    h5py = _h5py()

    return not isinstance(group.get(key, getlink=True), h5py.HardLink)


def _may_be_image(dataset: Dataset) -> bool:
    shape = dataset.shape
    plain = dataset.dtype.kind in "buif" and dataset.dtype.itemsize <= 8
    return shape is not None and plain and sum(length > 1 for length in shape) >= 2 and 0 not in shape


def _dataset(path: Path, file: File, name: str) -> Dataset:
    """Return the dataset of a name, step by step: no link is followed."""
    h5py = _h5py()

    item: Any = file
    for key in name.split("/"):
        if not isinstance(item, h5py.Group) or key not in item:
            raise no_part(*container_of(path))
        if _is_link(item, key):
            raise _leads_out(path, f"“{key[:60]}” is a link")
        item = item[key]
    if not isinstance(item, h5py.Dataset):
        raise no_part(*container_of(path))
    return item


def _refuse(path: Path, name: str, dataset: Dataset) -> None:
    h5py = _h5py()

    if not _may_be_image(dataset):
        raise BadInput(
            f"The dataset “{name[:80]}” holds no image: {_words(dataset)}.",
            hint="Choose another dataset of the file.",
            code="image-unsupported",
            path=path,
        )
    if dataset.is_virtual:
        raise _leads_out(path, f"the dataset “{name[:60]}” is put together from others (a virtual dataset)")
    settings = dataset.id.get_create_plist()
    if settings.get_external_count():
        raise _leads_out(path, f"the pixels of “{name[:60]}” lie in another file")
    filters = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
    if unknown := [number for number in filters if number not in _FILTERS or not h5py.h5z.filter_avail(number)]:
        raise BadInput(
            f"The dataset “{name[:80]}” of {container_of(path)[0].name} is compressed with a method that cannot be "
            f"read (filter {unknown[0]}).",
            hint="Save it with gzip or LZF, or uncompressed.",
            code="image-unsupported",
            path=path,
        )
    if dataset.chunks is not None:
        check_budget(path, tuple(dataset.chunks), dataset.dtype)
    elif dataset.id.get_offset() is None and dataset.id.get_storage_size():
        raise damaged(path, f"the dataset “{name[:60]}” says nowhere where it is")


def _leads_out(path: Path, what: str) -> BadInput:
    return BadInput(
        f"{container_of(path)[0].name} is not opened: {what}, and what lies elsewhere is not followed.",
        hint="Copy the pixels into a dataset of the file itself.",
        code="image-link",
        path=path,
    )


def _words(dataset: Dataset) -> str:
    return f"{' × '.join(f'{length:,}' for length in dataset.shape or ())}, {dataset.dtype}"


def _letters(path: Path, dataset: Dataset) -> tuple[str, bool]:
    """Return a letter for each axis, and whether that is what the file says."""
    lengths = tuple(int(length) for length in dataset.shape)
    for keys in (_vigra_keys(dataset), [str(dimension.label) for dimension in dataset.dims]):
        letters = "".join(_LETTERS.get(key.lower(), "") for key in keys)
        if len(letters) == len(lengths) == len(set(letters)) and {"Y", "X"} <= set(letters):
            return letters, True
    guessed = guessed_letters(lengths)
    if guessed is None:
        raise BadInput(
            f"{container_of(path)[0].name} has {len(lengths)} axes, {lengths}, and does not say what they mean.",
            hint="Save it as OME-TIFF, or name the axes of the dataset (axistags, or labels of its dimensions).",
            code="image-shape",
            path=path,
        )
    return guessed, sum(length > 1 for length in lengths) == 2


def _vigra_keys(dataset: Dataset) -> list[str]:
    try:
        stored = dataset.attrs.get("axistags")
        entries = json.loads(stored)["axes"] if isinstance(stored, str) and len(stored) < 100_000 else []
        return [str(entry["key"]) for entry in entries]
    except (ValueError, TypeError, KeyError, OSError, RecursionError):
        return []


def _pixel_size(dataset: Dataset, letters: str) -> PixelSize | None:
    """Return the size by ``element_size_um``, micrometres along z, y, x, as several programs write it."""
    try:
        values = [float(value) for value in np.ravel(dataset.attrs.get("element_size_um", ()))[:4]]
    except (ValueError, TypeError, OSError):
        return None
    if len(values) not in (2, 3) or not all(math.isfinite(value) and value > 0 for value in values):
        return None
    return PixelSize(values[-2], values[-1])


readers.register("hdf5")(
    ImageReader(
        formats=("HDF5",),
        suffixes=(".h5", ".hdf5"),
        matches=lambda head: head.startswith(_MAGIC),
        open=_open,
        has_parts=True,
    )
)
