"""Files that hold several images, of which the user chooses some: datasets, scenes, positions."""

from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.errors import BadInput
from segstudio.io.image_place import container_of, is_image_folder, part_path
from segstudio.io.sources import ImagePart, open_image, readers


@dataclass(frozen=True)
class FileParts:
    """A file, and what it holds.

    Attributes
    ----------
    usual
        Names of the parts that most people want: all of a series, the best of several datasets.
    """

    path: Path
    parts: tuple[ImagePart, ...]
    usual: frozenset[str]


def files_with_parts(paths: Iterable[Path]) -> list[FileParts]:
    """Return those of the files that hold several images; what cannot be read is told by who adds it."""
    suffixes = {suffix for _, reader in readers if reader.has_parts for suffix in reader.suffixes}
    likely = (path for path in paths if _may_hold_several(path, suffixes))
    return [found for path in likely for found in _looked_at(path)]


def _may_hold_several(path: Path, suffixes: Container[str]) -> bool:
    if path.suffix.lower() in (".tif", ".tiff"):  # thousands of others hold one each
        return path.name.lower().endswith((".ome.tif", ".ome.tiff"))
    return path.suffix.lower() in suffixes or is_image_folder(path)


def _looked_at(path: Path) -> Iterator[FileParts]:
    if container_of(path)[1]:
        return
    with suppress(BadInput), open_image(path) as source:
        if len(source.parts) > 1:
            datasets = source.info.format == "HDF5"
            for part in source.parts:
                part_path(path, part.name)
            names = (source.part,) if datasets else (part.name for part in source.parts)
            yield FileParts(path, source.parts, frozenset(names))
