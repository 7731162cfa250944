"""Files that hold several images, of which the user chooses some: datasets, scenes, positions."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.errors import BadInput
from segstudio.io.image_place import container_of
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
    return [found for path in paths if path.suffix.lower() in suffixes for found in _looked_at(path)]


def _looked_at(path: Path) -> Iterator[FileParts]:
    if path.is_dir() or container_of(path)[1]:
        return
    with suppress(BadInput), open_image(path) as source:
        if len(source.parts) > 1:
            series = all(part.name.isdecimal() for part in source.parts)
            names = (part.name for part in source.parts) if series else (source.part,)
            yield FileParts(path, source.parts, frozenset(names))
