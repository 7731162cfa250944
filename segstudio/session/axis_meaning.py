"""What the axes of an image mean: asked where its file does not say it, and changed on request."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import UserError
from segstudio.io.coarse_cache import small_picture
from segstudio.io.read_as import meant_axes
from segstudio.io.sources import open_image
from segstudio.session.background import Background
from segstudio.session.front_image import FrontImage
from segstudio.session.notice import Notice
from segstudio.session.thumbnails import picture_of

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project

#: Pictures along an axis, and their longest side in pixels.
_MOST_PICTURES, _SIDE = 5, 96


@dataclass(frozen=True)
class AxesFound:
    """What there is to say about the axes of an image.

    Attributes
    ----------
    info
        As the file alone has it.
    read_as
        How its axes are read now, a letter for each of `meant_axes`.
    alike
        Ids of the other images in the folder that are read the same way.
    drawn
        It has labels or predictions: nothing may move to other planes.
    pixel_size_um
        ``None`` for not known.
    pictures
        For each axis some places along it, from 0, and what is seen there; (h, w, 3) uint8.
    """

    image_id: str
    name: str
    info: ImageInfo
    read_as: str
    alike: tuple[str, ...]
    drawn: bool
    pixel_size_um: float | None
    pictures: tuple[tuple[tuple[int, NDArray[np.uint8]], ...], ...]


class AxisMeaning:
    """Asks, looks and sets.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    front
        Tells of the image in front, which is closed while its axes change.
    background
        Reads the files.
    """

    asked = Signal(str)
    """Id of the image in front, of which nobody has said what its axes mean."""
    noticed = Signal(object)
    """A `Notice`."""
    changed = Signal()
    """Images have other axes now."""

    def __init__(self, project: "Callable[[], Project | None]", front: FrontImage, background: Background) -> None:
        self._project = project
        self._front = front
        self._background = background
        self._put_off: set[str] = set()

    def forget(self) -> None:
        """Ask again: another project is open."""
        self._put_off.clear()

    def look_at_front(self, document: "ImageDocument | None") -> None:
        """Ask for the axes of the image in front, once in a sitting."""
        if document is None or document.read_only or document.entry.id in self._put_off:
            return
        entry = document.entry
        if not entry.read_as and (not document.source.info.sure or "I" in entry.axes):
            self._put_off.add(entry.id)
            self.asked.emit(entry.id)

    def look(self, image_id: str, then: Callable[[AxesFound], None]) -> None:
        """Find out what is to be said about an image."""
        project, document = self._project(), self._front.document
        if project is None:
            return
        # What was drawn a moment ago is not in a file yet.
        here = document is not None and document.entry.id == image_id and not document.stack.blank
        self._background.run(lambda: _found(project, image_id, drawn=here), then)

    def read_as(self, image_ids: list[str], letters: str, pixel_size_um: float | None, *, keep: bool) -> None:
        """Read the axes of images so from now on, and with `keep` those of images that come from their folder."""
        project, front = self._project(), self._front.wanted
        if project is None or not image_ids:
            return
        again = front if front in image_ids else ""
        if again:
            self._front.leave()

        def done(refused: list[UserError]) -> None:
            if project is not self._project():
                return
            self.changed.emit()
            for error in refused:
                self.noticed.emit(Notice.of(error))
            if again:
                self._front.select(again)

        self._background.run(
            lambda: _set(project, image_ids, letters, pixel_size_um, keep), done, lane=self._front.lane
        )


def _set(
    project: "Project", image_ids: list[str], letters: str, pixel_size_um: float | None, keep: bool
) -> list[UserError]:
    """Read the axes of images so; return why some of them are read as before.

    Those that had the pixel size of the first one get its new one; the others keep what their files say.
    """
    refused = []
    sizes = {image_id: project.entry(image_id).pixel_size_um for image_id in image_ids}
    for image_id, size in sizes.items():
        try:
            project.read_axes(image_id, letters, pixel_size_um if size == sizes[image_ids[0]] else size)
        except UserError as error:
            refused.append(error)
    done = [image_id for image_id in image_ids if project.entry(image_id).read_as == letters]
    if keep and done:
        project.axes.remember(done[0])
    project.try_save()
    return refused


def _found(project: "Project", image_id: str, *, drawn: bool) -> AxesFound:
    entry, path = project.entry(image_id), project.image_path(image_id)
    with open_image(path) as source:
        info = source.info
    drawn = drawn or entry.labelled or bool(entry.predicted) or project.files(image_id).any_exists()
    said = "".join(letter for letter, _ in meant_axes(info))
    alike = tuple(project.axes.alike(image_id))
    pictures = tuple(_along(path, number) for number in range(len(said)))
    return AxesFound(image_id, entry.name, info, entry.read_as or said, alike, drawn, entry.pixel_size_um, pictures)


def _along(path: Path, axis: int) -> tuple[tuple[int, NDArray[np.uint8]], ...]:
    """Return what is seen at some places along an axis, at the first place of all others."""
    with open_image(path) as source:
        info, stack = source.info, source.info.stack[1]
        size = meant_axes(info)[axis][1]
        places = np.unique(np.linspace(0, size - 1, min(_MOST_PICTURES, size)).round().astype(int)).tolist()
        if axis == len(stack):
            pixels, alone = small_picture(source), replace(info, kind="gray", channels=1)
            return tuple((at, picture_of(np.ascontiguousarray(pixels[..., at]), alone, _SIDE)) for at in places)
        numbers = [int(np.ravel_multi_index([at * (n == axis) for n in range(len(stack))], stack)) for at in places]
        return tuple(
            (at, picture_of(small_picture(source, number), info, _SIDE))
            for at, number in zip(places, numbers, strict=True)
        )
