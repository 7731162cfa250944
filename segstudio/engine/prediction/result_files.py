"""The files of one prediction: label image, classes and scores beside it, and maps for decoding again."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from segstudio.core.errors import BadInput
from segstudio.engine.data.normalise import IntensityScale
from segstudio.engine.data.target_images import unscaled
from segstudio.engine.prediction.block_decoding import Found
from segstudio.engine.prediction.map_store import MOST_PIXELS, FileStore, MapStore, MemoryStore
from segstudio.io.atomic import write_atomic, write_together
from segstudio.io.disk import make_one_folder
from segstudio.io.image_file import image_tiff_by_tile
from segstudio.io.json_file import json_content
from segstudio.io.labels_file import label_tiff_by_tile

SCHEMA_VERSION: Final = 1


def write_result(path: Path, found: Found) -> None:
    """Write the label TIFF at `path` and ``<stem>.json`` with class and score of each object; both appear whole.

    The JSON is ``{"schema_version": 1, "objects": {"7": {"class_id": 1, "score": 0.93}, ...}}``.

    Raises
    ------
    DiskError
        The disk refused. An earlier result is then as it was; without one nothing is left there.
    """
    make_one_folder(path.parent)
    objects = {
        str(number): {"class_id": class_id, "score": round(found.scores.get(number, 1.0), 4)}
        for number, class_id in sorted(found.classes.items())
    }
    content = {"schema_version": SCHEMA_VERSION, "objects": objects}
    labels = label_tiff_by_tile(found.shape, max(found.classes, default=0), found.read)
    write_together({path.with_suffix(".json"): json.dumps(content).encode(), path: labels})


def write_image(path: Path, maps: MapStore, scale: IntensityScale, image_id: str) -> None:
    """Write the image that a network made, in the intensities of its targets, with a JSON file that says of which one.

    Raises
    ------
    DiskError
        The disk refused. An earlier result is then as it was; without one nothing is left there.
    """
    make_one_folder(path.parent)
    content = {"schema_version": SCHEMA_VERSION, "image": True, "image_id": image_id, "objects": {}}
    planes = image_tiff_by_tile(maps.shape, lambda window: unscaled(maps.read(window), scale))
    write_together({path.with_suffix(".json"): json.dumps(content).encode(), path: planes})


def is_result(path: Path) -> bool:
    """Return whether `write_result` wrote the label image at `path`: the JSON beside it says so."""
    try:
        content = json_content(path.with_suffix(".json"))
    except (OSError, ValueError):
        return False
    objects = content.get("objects") if isinstance(content, dict) else None
    return isinstance(objects, dict) and all(
        isinstance(row, dict) and row.keys() == {"class_id", "score"} for row in objects.values()
    )


def keep_maps(path: Path, maps: MapStore) -> None:
    """Let `maps` appear whole at `path` as a NumPy file, for decoding again."""
    make_one_folder(path.parent)
    if isinstance(maps, FileStore):
        maps.publish(path)
    elif isinstance(maps, MemoryStore):
        write_atomic(path, _npy_pieces(np.ascontiguousarray(maps.array)))


def open_maps(path: Path, channels: int) -> MapStore:
    """Open maps that were kept; raise `BadInput` when they are missing, damaged or foreign."""
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise _unusable(path, "are not there any more") from error
    except (ValueError, EOFError, OSError) as error:
        raise _unusable(path, "are damaged") from error
    if not isinstance(stored, np.memmap) or stored.ndim != 3 or stored.dtype.kind != "f":
        raise _unusable(path, "are not maps of a network")
    if stored.shape[0] != channels:
        raise _unusable(path, f"come from another model: {stored.shape[0]} maps instead of {channels}")
    _, height, width = stored.shape
    if height * width <= MOST_PIXELS or not stored.flags.c_contiguous:
        return MemoryStore(np.array(stored))
    return FileStore(path, (channels, height, width), stored.dtype, stored.offset)


def _npy_pieces(maps: NDArray[np.float16]) -> Iterator[bytes]:
    header = BytesIO()
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(maps))
    yield header.getvalue()
    for plane in maps:
        yield plane.tobytes()


def _unusable(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"The maps kept in {path.name} {reason}.", hint="Predict the image again.", code="maps-unusable", path=path
    )
