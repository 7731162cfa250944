"""Reads label images of other programs: masks, colours and ids become int32 labels, and every change is said."""

from pathlib import Path
from typing import Any

import cc3d
import cv2
import fastremap
import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import BadInput
from segstudio.core.stack_shape import plane_size, planes_of
from segstudio.core.tiles import plane_window
from segstudio.io.seg_file import plain_masks
from segstudio.io.sources import BaseSource, open_image
from segstudio.labels.label_map import LabelMap

#: Largest id that labels can hold.
MAX_ID = 2**31 - 1
#: Bytes for the stored values and the labels together.
_BUDGET = 1_500_000_000
#: With more colours than this an RGB image is a picture, not a mask.
_MOST_COLOURS = 4096
#: Larger label images are not searched for objects in several places.
_SEARCHED_PIXELS = 64_000_000
#: A JPEG whose values all lie this close to black or white was a black and white mask.
_JPEG_BLUR = 80

Labels = NDArray[np.int32]


def read_labels(path: str | Path, expected_size: tuple[int, int] | None = None) -> tuple[Labels, list[str]]:
    """Read a label image, a mask or an array of ids, as any program writes them.

    Parameters
    ----------
    path
        TIFF, PNG, NumPy and so on; the content decides. Of Cellpose's ``_seg.npy`` the masks are taken.
    expected_size
        ``(rows, columns)`` of the image that it belongs to.

    Returns
    -------
    labels
        ``(rows, columns)`` int32, 0 background, ids as stored wherever int32 can hold them.
    warnings
        One sentence for everything that was interpreted or changed: black and white masks are cut into their
        connected parts, colours become ids, NaN and negative values background, ids above `MAX_ID` are renumbered.

    Raises
    ------
    BadInput
        It cannot be read, has another size, is a stack, or its values are no ids.
    """
    file = Path(path)
    try:
        return _read(file, expected_size)
    except BadInput as error:
        if error.code != "image-objects":
            raise
    with plain_masks(file) as plain:
        return _read(plain, expected_size)


def read_label_stack(path: Path, shape: tuple[int, int]) -> tuple[LabelMap, list[str]]:
    """Read the label images of all planes of a stack from one file.

    Parameters
    ----------
    shape
        Of the labels of the stack, see `segstudio.core.stack_shape`.

    Returns
    -------
    labels
        int32, 0 background. An id on several planes is one object; a black and white stack is cut into its connected
        parts plane by plane.
    warnings
        As `read_labels`.

    Raises
    ------
    BadInput
        It cannot be read, has another size or other planes, or its values are no ids.
    """
    result, warnings = LabelMap(shape, np.int32), list[str]()
    with open_image(path, indices=True) as source:
        found, wanted = (source.info.planes, source.info.size), (planes_of(shape), plane_size(shape))
        if found != wanted:
            words = [f"{planes} plane{'s' * (planes > 1)} of {_pixels(size)}" for planes, size in (found, wanted)]
            raise _refusal(
                path, f"has {words[0]} pixels, its image {words[1]}", "Export the masks again.", "labels-size"
            )
        if source.info.channels != 1:
            raise _refusal(
                path, f"has {source.info.channels} channels, a label image has one", "Save the labels alone."
            )

        def plane(number: int) -> NDArray[Any]:
            values = source.read(plane=number)
            values = _whole_numbers(path, values, warnings) if values.dtype.kind == "f" else values
            return _without_negatives(values, warnings) if values.dtype.kind == "i" else values

        ids = np.array(sorted({int(value) for n in range(found[0]) for value in _ids(plane(n))}), np.int64)
        is_mask = _is_mask(np.dtype(source.info.dtype), ids)
        warnings.clear()  # each plane is read once more
        if not is_mask and len(ids) and ids[-1] > MAX_ID:
            raise _refusal(path, f"has the id {ids[-1]:,}, the largest possible is {MAX_ID:,}", "Number them anew.")
        used = 0
        for number in range(found[0]):
            labels = _parts(plane(number), []) if is_mask else plane(number).astype(np.int32)
            if is_mask:
                labels[labels > 0] += used
                used = max(used, int(labels.max(initial=0)))
            result.write(plane_window(shape, number), labels)
    if is_mask:
        warnings.append(f"A black and white stack: its {used:,} connected parts, plane by plane, became the objects.")
    return result, list(dict.fromkeys(warnings))


def _read(file: Path, expected_size: tuple[int, int] | None) -> tuple[Labels, list[str]]:
    with open_image(file, indices=True) as source:
        _refuse_shape(source, expected_size)
        values = source.read()
        lossy = source.info.format == "JPEG"
        one_bit = source.info.format.startswith("1-bit")
    warnings: list[str] = []
    if values.ndim == 3:
        values = _single_channel(file, values, warnings)
    if lossy:
        values = _unblurred(file, values, warnings)
    if values.dtype.kind == "f":
        values = _whole_numbers(file, values, warnings)
    if values.dtype.kind == "i":
        values = _without_negatives(values, warnings)
    ids = _ids(values)
    if one_bit or _is_mask(values.dtype, ids):
        return _parts(values, warnings), warnings
    labels = _fitting(values, ids, warnings)
    _report_scattered(labels, warnings)
    return labels, warnings


def _refuse_shape(source: BaseSource, expected: tuple[int, int] | None) -> None:
    info = source.info
    if info.planes > 1:
        raise _refusal(
            info.path,
            f"is a stack of {info.planes} masks, the image has one plane",
            "Save the mask of the plane that you want to use as a file of its own.",
        )
    if info.kind == "channels" and info.channels != 3:
        raise _refusal(
            info.path, f"has {info.channels} channels, a label image has one", "Save the channel with the labels alone."
        )
    if expected is not None and info.size != expected:
        found, wanted = _pixels(info.size), _pixels(expected)
        hint = "Export the mask again at the size of the image."
        if info.size == expected[::-1]:
            hint = "It looks transposed: exchange its rows and columns."
        raise _refusal(info.path, f"has {found} pixels, its image has {wanted} (rows × columns)", hint, "labels-size")
    needed = info.height * info.width * (4 + info.channels * np.dtype(info.dtype).itemsize)
    if needed > _BUDGET:
        raise _refusal(
            info.path, f"is too large: {_pixels(info.size)} pixels need {needed / 1e9:.1f} GB", "Cut it into parts."
        )


def _refusal(path: Path, words: str, hint: str, code: str = "labels") -> BadInput:
    return BadInput(f"{path.name} {words}.", hint=hint, code=code, path=path)


def _count(pixels: int) -> str:
    return "1 pixel" if pixels == 1 else f"{pixels:,} pixels"


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"


def _single_channel(path: Path, values: NDArray[Any], warnings: list[str]) -> NDArray[Any]:
    """Return gray values as they are, and one id per colour otherwise."""
    if (values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all():
        return values[..., 0]
    if values.dtype.kind not in "ui" or values.dtype.itemsize > 2:
        raise _refusal(path, "has three channels, a label image has one", "Save the channel with the labels alone.")
    values = values.view(f"u{values.dtype.itemsize}")  # colours are told apart, not counted
    codes = values[..., 0].astype(np.uint64)
    for channel in (1, 2):
        codes = (codes << np.uint64(16)) | values[..., channel]
    unique = np.asarray(fastremap.unique(codes))
    if len(unique) > _MOST_COLOURS:
        raise _refusal(path, f"has {len(unique):,} colours and looks like a picture", "Choose the mask, not the image.")
    # Black is the usual ground; a painted mask without black has the ground as its most frequent colour.
    ground = unique[0] if unique[0] == 0 else max(unique, key=lambda code: int(np.count_nonzero(codes == code)))
    _, first = np.unique(codes, return_index=True)
    order = np.argsort(first)
    ids = np.zeros(len(unique), np.int32)
    ids[[at for at in order if unique[at] != ground]] = np.arange(1, len(unique))
    warnings.append(f"Each of the {len(unique) - 1} colours became one object.")
    return ids[np.searchsorted(unique, codes)]


def _unblurred(path: Path, values: NDArray[Any], warnings: list[str]) -> NDArray[Any]:
    between = (values > _JPEG_BLUR) & (values < 255 - _JPEG_BLUR)
    if values.dtype != np.uint8 or int(values.max()) < 255 - _JPEG_BLUR or between.mean() > 0.02:
        raise _refusal(
            path,
            "was saved as JPEG, which blurs the ids at every edge, and cannot be used as a label image",
            "Export the mask again as PNG or TIFF.",
        )
    warnings.append("JPEG blurs a mask at every edge: values above 127 were taken as objects; PNG or TIFF is exact.")
    return (values > 127).astype(np.uint8) * np.uint8(255)


def _whole_numbers(path: Path, values: NDArray[Any], warnings: list[str]) -> NDArray[np.int64]:
    missing = np.isnan(values)
    count = int(np.count_nonzero(missing))
    if count:
        values = np.where(missing, 0, values)
        warnings.append(f"{_count(count)} without a number (NaN) taken as background.")
    wrong = ~np.isfinite(values) | (values != np.floor(values))
    if values.dtype.itemsize > 2:  # half precision ends at 65,504
        wrong |= np.abs(values) > 2.0**53
    if wrong.any():
        example = float(values[wrong][0])
        raise _refusal(
            path, f"holds the value {example:g}, which is no id", "A label image has whole numbers, one per object."
        )
    return values.astype(np.int64)


def _without_negatives(values: NDArray[Any], warnings: list[str]) -> NDArray[Any]:
    if int(values.min()) >= 0:
        return values
    below = values[values < 0]
    ids = [int(found) for found in np.unique(below)]
    if ids == [-1]:
        warnings.append(f"−1 was taken as background ({_count(len(below))}).")
    else:
        words = ", ".join(f"−{-found}" for found in ids[:5]) + (" …" if len(ids) > 5 else "")
        warnings.append(f"Negative ids ({words}) cannot be objects: {_count(len(below))} taken as background.")
    return np.asarray(np.maximum(values, 0))


def _ids(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values that occur, sorted."""
    return np.sort(np.asarray(fastremap.unique(np.ascontiguousarray(values))))


def _is_mask(dtype: np.dtype[Any], ids: NDArray[Any]) -> bool:
    """Tell a black and white mask from a label image with a single object."""
    objects = ids[ids > 0]
    if len(objects) != 1:
        return False
    whites = {"uint8": (1, 255), "uint16": (255, 65535)}.get(dtype.name, (255,))
    return int(objects[0]) in whites


def _parts(values: NDArray[Any], warnings: list[str]) -> Labels:
    count, labels = cv2.connectedComponents((values > 0).astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    if count > 2:
        warnings.append(f"A black and white mask: its {count - 1:,} connected parts became the objects.")
    elif int(values.max(initial=0)) > 1:
        warnings.append(f"A black and white mask of one part: the id {int(values.max()):,} became 1.")
    return np.asarray(labels, np.int32)


def _fitting(values: NDArray[Any], ids: NDArray[Any], warnings: list[str]) -> Labels:
    if not (ids > 0).any():
        return np.zeros(values.shape, np.int32)
    if int(ids[-1]) <= MAX_ID:
        return values.astype(np.int32)
    objects = ids[ids > 0]
    warnings.append(
        f"Ids reach {int(ids[-1]):,}, above the largest that can be kept ({MAX_ID:,}): "
        f"the {len(objects):,} objects were numbered anew from 1, in the same order."
    )
    places = np.searchsorted(objects, values) + 1
    return np.where(values > 0, places, 0).astype(np.int32)


def _report_scattered(labels: Labels, warnings: list[str]) -> None:
    if labels.size > _SEARCHED_PIXELS or not labels.any():
        return
    parts = np.asarray(cc3d.connected_components(labels, connectivity=8))
    ids = fastremap.component_map(parts, labels)
    seen: set[int] = set()
    scattered: set[int] = set()
    for found in ids.values():
        (scattered if found in seen else seen).add(int(found))
    scattered.discard(0)
    if scattered:
        words = ", ".join(map(str, sorted(scattered)[:5])) + (" …" if len(scattered) > 5 else "")
        noun = "object lies" if len(scattered) == 1 else "objects lie"
        warnings.append(f"{len(scattered):,} {noun} in several places (id {words}).")
