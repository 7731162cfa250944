"""What the axes of images mean where their files do not say it: told by the user, remembered for a folder."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.io.read_as import MEANINGS, info_as, meant_axes, plane_axes
from segstudio.io.sources import open_image
from segstudio.project.manifest import ImageEntry
from segstudio.project.manifest_store import ManifestStore

#: Setting of a project that holds them.
SETTING: Final = "axes_of_folders"


@dataclass(frozen=True)
class Reading:
    """How images of a folder are read that have the same axes and size.

    Attributes
    ----------
    folder
        As the paths of entries have it.
    shape
        See `shape_words`.
    read_as
        See `ImageEntry.read_as`.
    pixel_size_um
        For those whose files do not say it; ``None`` when the user does not know either.
    """

    folder: str
    shape: str
    read_as: str
    pixel_size_um: float | None = None


def shape_words(info: ImageInfo) -> str:
    """Return what has to be the same in two images so that their axes mean the same."""
    return " ".join([*(f"{letter}{size}" for letter, size in meant_axes(info)), f"{info.height}x{info.width}"])


def folder_of(stored: str) -> str:
    """Return the folder of an image from its path in an entry."""
    return PurePosixPath(stored).parent.as_posix()


def readings_in(settings: Mapping[str, Any]) -> tuple[Reading, ...]:
    """Return what the settings of a project remember; what means nothing is passed over."""
    items = settings.get(SETTING)
    found = []
    for item in items if isinstance(items, list) else ():
        match item:
            case {"folder": str(folder), "shape": str(shape), "read_as": str(letters)} if set(letters) <= set(MEANINGS):
                size = item.get("pixel_size_um")
                found.append(Reading(folder, shape, letters, size if isinstance(size, float) and size > 0 else None))
    return tuple(found)


class AxisReadings:
    """Says how images are read; may be used by any thread.

    Parameters
    ----------
    store
        Its entries and settings are changed.
    path
        Returns where the file of an image is.
    change
        Changes the entry of an image, and tells of it.
    worked_on
        Returns whether anything was drawn in an image, or it is open.
    """

    def __init__(
        self,
        store: ManifestStore,
        path: Callable[[str], Path],
        change: Callable[[str, Callable[[ImageEntry], ImageEntry]], ImageEntry],
        worked_on: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._path = path
        self._change = change
        self._worked_on = worked_on

    def alike(self, image_id: str) -> list[str]:
        """Return the other images of the same folder that have the same axes and size, and are read the same way."""

        def key(entry: ImageEntry) -> tuple[object, ...]:
            size = entry.height, entry.width, entry.channels
            return folder_of(entry.path), entry.axes, entry.sizes, entry.read_as, size

        own = key(self._store.entry(image_id))
        return [entry.id for entry in self._store.manifest.images if entry.id != image_id and key(entry) == own]

    def read_as(self, image_id: str, letters: str, pixel_size_um: float | None) -> None:
        """Read the axes of an image so from now on.

        Raises
        ------
        BadInput
            They cannot mean that, or labels would lie on other planes than they were drawn on.
        """
        entry, path = self._store.entry(image_id), self._path(image_id)
        with open_image(path) as source:
            info = info_as(source.info, letters)
            before = entry.read_as or "".join(letter for letter, _ in meant_axes(source.info))
        axes, sizes = info.stack
        others = sizes != entry.sizes or plane_axes(before) != plane_axes(letters)
        if others and (entry.labelled or entry.predicted or self._worked_on(image_id)):
            raise BadInput(
                f"{entry.name} keeps its axes: it has labels or predictions, and they would lie on other planes.",
                hint="Add a copy of the file to the project to read that one in another way.",
                code="axes-labelled",
                path=path,
            )
        self._change(
            image_id,
            lambda entry: replace(
                entry, axes=axes, sizes=sizes, channels=info.channels, read_as=letters, pixel_size_um=pixel_size_um
            ),
        )

    def remember(self, image_id: str) -> None:
        """Read images that come from the folder of this one the same way, if they have its axes and size."""
        entry = self._store.entry(image_id)
        with open_image(self._path(image_id)) as source:
            known, shape = source.info.pixel_size, shape_words(source.info)
        own = None if known is not None else entry.pixel_size_um
        new = Reading(folder_of(entry.path), shape, entry.read_as, own)
        with self._store.lock:
            settings = self._store.manifest.settings
            others = [item for item in readings_in(settings) if (item.folder, item.shape) != (new.folder, new.shape)]
            self._store.change(settings=settings | {SETTING: [asdict(item) for item in (*others, new)]})
