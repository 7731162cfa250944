"""What the descriptions in an OME-Zarr folder say: which arrays are the levels of an image; none of it is trusted."""

import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final

from segstudio.core.axes import PixelSize
from segstudio.core.errors import BadInput
from segstudio.io.decoding import damaged
from segstudio.io.image_place import outermost, part_path
from segstudio.io.objects_file import parse_json
from segstudio.io.regular_file import limited_bytes
from segstudio.io.tiff_metadata import unit_to_um

_LONGEST: Final = 32_000_000
_DEEPEST: Final = 64
_MOST_LEVELS: Final = 32
_MOST_AXES: Final = 8
#: Images of a folder that are offered: more than a plate of 1,536 wells has.
_MOST_PARTS: Final = 4000
#: Names of the axes, as the program writes them.
_LETTERS: Final = {"t": "T", "c": "C", "z": "Z", "y": "Y", "x": "X"}


@dataclass(frozen=True)
class ZarrImage:
    """One image of an OME-Zarr folder.

    Attributes
    ----------
    folder
        In which its arrays lie.
    paths
        Of its levels, below `folder`, the largest first.
    axes
        Letter of each axis of the arrays, ``"Y"`` and ``"X"`` last; ``"I"`` for one that has no usual meaning.
    """

    folder: Path
    paths: tuple[str, ...]
    axes: str
    version: str
    pixel_size: PixelSize | None
    channel_names: tuple[str, ...]
    channel_colours: tuple[str, ...]
    warnings: tuple[str, ...]
    parts: tuple[str, ...] = ()
    """Folders of all images, where there are several, the first of which is this one."""


def zarr_image(folder: Path) -> ZarrImage:
    """Return what an OME-Zarr folder says; raise `BadInput` when it is none that can be shown."""
    around, own = outermost(folder)
    if own:  # a field of a plate, of which somebody may have made a link
        _below(around, own)
    attributes, outer = read_attributes(folder), folder
    words: list[str] = []
    parts: tuple[str, ...] = ()
    if "multiscales" not in attributes:
        parts = _parts(folder, attributes)
        folder = _inside(folder, parts[0])
        attributes = read_attributes(folder)
    if len(parts) > 1:
        words.append(f"Shown is the first of {len(parts):,} images; the next one is {outer.name}/{parts[1]}.")
    scales = attributes.get("multiscales")
    if not isinstance(scales, list) or not scales or not isinstance(scales[0], dict):
        raise damaged(folder, "it describes no image")
    if len(scales) > 1:
        words.append(f"{len(scales) - 1} more images in the folder are not shown.")
    scale = scales[0]
    paths = _paths(folder, scale)
    axes = _axes(folder, scale)
    names, colours = _channels(attributes.get("omero"))
    version = str(scale.get("version") or attributes.get("version") or "")[:10]
    return ZarrImage(folder, paths, axes, version, _pixel_size(scale, axes), names, colours, tuple(words), parts)


def read_attributes(folder: Path) -> dict[str, Any]:
    """Return what a folder of Zarr says about itself, of version 2 or 3."""
    if (folder / "zarr.json").is_file():
        found = _json(folder / "zarr.json").get("attributes", {})
        ome = found.get("ome", found) if isinstance(found, dict) else {}
        return ome if isinstance(ome, dict) else {}
    return _json(folder / ".zattrs") if (folder / ".zattrs").is_file() else {}


def _json(path: Path) -> dict[str, Any]:
    if path.is_symlink():
        raise damaged(path, "it is a link out of its folder")
    return parse_json(path, limited_bytes(path, _LONGEST), _DEEPEST)


def _parts(folder: Path, attributes: dict[str, Any]) -> tuple[str, ...]:
    """Return the folders of the images that a folder holds: the fields of a plate or a well, or a series."""
    named: Iterable[str]
    if "plate" in attributes:
        # A plate of one screen or a million fields: what is beyond the last that is offered is not looked at.
        wells = dict.fromkeys(_names(attributes["plate"], "wells"))
        named = (f"{well}/{field}" for well in wells for field in _names(_well(_inside(folder, well)), "images"))
    elif "well" in attributes:
        named = _names(attributes["well"], "images")
    elif "bioformats2raw.layout" in attributes:
        named = _series(folder)
    else:
        raise BadInput(
            f"{folder.name} is a Zarr folder that does not describe an image.",
            hint="Choose the folder of an image: it ends in .ome.zarr as a rule.",
            code="image-format",
            path=folder,
        )
    found = tuple(dict.fromkeys(islice(named, _MOST_PARTS)))
    if not found:
        raise damaged(folder, "it names no image")
    for name in found:
        _below(folder, name)
    return found


def _well(folder: Path) -> object:
    return read_attributes(folder).get("well")


def _series(folder: Path) -> Iterator[str]:
    """Yield the names of a series, as the file of a converter says, or as the folders are numbered."""
    stated = read_attributes(_inside(folder, "OME")).get("series") if os.path.lexists(folder / "OME") else None
    if isinstance(stated, list) and stated:
        yield from (str(name) for name in stated)
    else:
        yield from (str(number) for number in range(_MOST_PARTS) if (folder / str(number)).is_dir())


def _names(group: object, key: str) -> Iterator[str]:
    """Yield the paths in a list of a plate or a well."""
    entries = group.get(key) if isinstance(group, dict) else None
    listed = entries[:_MOST_PARTS] if isinstance(entries, list) else []
    yield from (str(entry["path"]) for entry in listed if isinstance(entry, dict) and "path" in entry)


def _inside(folder: Path, name: str) -> Path:
    """Return the folder or array of a name below `folder`, which is there; see `_below`."""
    path = _below(folder, name)
    if not path.is_dir():
        raise damaged(folder, f"the part “{name[:60]}” is missing")
    return path


def _below(folder: Path, name: str) -> Path:
    """Return the place of a name below `folder`; no name leads out of it, and no link."""
    part_path(folder, name)
    path = folder
    for part in PurePosixPath(name).parts:
        path = path / part
        if path.is_symlink():
            raise BadInput(
                f"{folder.name} holds a link to another place ({part[:60]}), which is not followed.",
                hint="Copy the image together with what it links to.",
                code="image-link",
                path=folder,
            )
    return path


def _paths(folder: Path, scale: dict[str, Any]) -> tuple[str, ...]:
    datasets = scale.get("datasets")
    if not isinstance(datasets, list) or not 1 <= len(datasets) <= _MOST_LEVELS:
        raise damaged(folder, "it names no array")
    paths = []
    for item in datasets:
        name = item.get("path") if isinstance(item, dict) else None
        if not isinstance(name, str):
            raise damaged(folder, "it names no array")
        _inside(folder, name)
        paths.append(name)
    return tuple(paths)


def _axes(folder: Path, scale: dict[str, Any]) -> str:
    stated = scale.get("axes", ["t", "c", "z", "y", "x"])  # as version 0.1 and 0.2 have it
    if not isinstance(stated, list) or not 2 <= len(stated) <= _MOST_AXES:
        raise damaged(folder, "its axes make no sense")
    names = [str(axis.get("name") if isinstance(axis, dict) else axis).lower() for axis in stated]
    letters = "".join(_LETTERS.get(name, "I") for name in names)
    if sorted(letters[-2:]) != ["X", "Y"] or len(set(letters)) != len(letters):
        raise BadInput(
            f"{folder.name} has the axes {', '.join(names)}, in an order that is not supported.",
            hint="Save it with the axes t, c, z, y, x.",
            code="image-shape",
            path=folder,
        )
    return letters


def _pixel_size(scale: dict[str, Any], axes: str) -> PixelSize | None:
    factors = [1.0] * len(axes)
    stated = scale.get("axes")
    first = scale["datasets"][0]
    for transformations in (first.get("coordinateTransformations"), scale.get("coordinateTransformations")):
        for item in transformations if isinstance(transformations, list) else ():
            values = item.get("scale") if isinstance(item, dict) else None
            if isinstance(values, list) and len(values) == len(axes):
                numbers = [value if isinstance(value, int | float) else math.nan for value in values]
                factors = [factor * float(value) for factor, value in zip(factors, numbers, strict=True)]
    if not isinstance(stated, list):
        return None
    found = []
    for axis, factor in zip(stated[-2:], factors[-2:], strict=True):
        unit = unit_to_um(str(axis.get("unit", ""))) if isinstance(axis, dict) else None
        found.append(factor * unit if unit and math.isfinite(factor) and factor > 0 else None)
    y, x = (found[axes[-2:].index(letter)] for letter in "YX")
    return PixelSize(y, x) if y and x else None


def _channels(omero: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return (), ()
    entries = [item if isinstance(item, dict) else {} for item in channels[:65_535]]
    names = tuple(str(item.get("label") or f"Channel {at + 1}")[:200] for at, item in enumerate(entries))
    stated = [str(item.get("color", "")).lstrip("#")[:6].lower() for item in entries]
    return names, tuple(f"#{colour}" if re.fullmatch("[0-9a-f]{6}", colour) else "" for colour in stated)
