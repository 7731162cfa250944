"""Files of images that moved or were changed outside of the program: found again, taken as they are."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.io.image_place import image_exists
from segstudio.session.background import Background
from segstudio.session.notice import Notice

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project
    from segstudio.session.front_image import FrontImage

#: Codes of errors about image files that a person may clear up.
MISSING: Final = "image-missing"
CHANGED: Final = "image-changed"
FINDABLE: Final = frozenset({MISSING, CHANGED})
#: Where is looked which files are gone: not before images are opened, for a drive may take minutes to answer.
_LOOKING = "missing images"


class ImageFiles:
    """Clears up where the files of images are, and what is in them.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    front
        Opens an image whose file is clear now.
    background
        Reads and writes files.
    lane
        Where images are opened and closed, one after the other.

    Attributes
    ----------
    gone, touched
        The ids of the images whose files were not there when they were looked for, or held another image.
    """

    noticed = Signal(object)
    """A `Notice`."""
    missing = Signal(object)
    """The ids of the images whose files are gone; the one that is opened meanwhile says it itself. It was looked."""
    changed = Signal()
    """Another file belongs to an image now, or another content."""

    def __init__(
        self, project: "Callable[[], Project | None]", front: "FrontImage", background: Background, lane: str
    ) -> None:
        self._project = project
        self._front = front
        self._background = background
        self._lane = lane
        self.gone: frozenset[str] = frozenset()
        self.touched: frozenset[str] = frozenset()
        self._asking = False
        front.changed.connect(self._note_found)

    def look(self) -> None:
        """Look which image files are gone or changed; `missing` tells."""
        project, front = self._project(), self._front.wanted
        if project is None:
            return
        self.gone = self.gone & {entry.id for entry in project.images}
        self.touched = self.touched & {entry.id for entry in project.images}
        refused = [image_id for image_id, error in self._front.refusals.items() if error.code == MISSING]

        def tell(seen: _Seen) -> None:
            if project is self._project():
                found = seen.gone
                self.gone, self.touched = frozenset(found), frozenset(seen.touched)
                for image_id in set(refused) - self.gone:
                    self._front.forgive(image_id)
                known = {entry.id for entry in project.images} - {front}  # some may have been removed meanwhile
                self.missing.emit(tuple(image_id for image_id in found if image_id in known))

        self._background.run(lambda: _seen(project, lambda: project is self._project()), tell, lane=_LOOKING)

    def look_whether_back(self) -> None:
        """Look whether a file that was gone is there again, and then at all: `missing` tells.

        Nothing is asked while a drive has not answered the question before.
        """
        project = self._project()
        refused = {image_id for image_id, error in self._front.refusals.items() if error.code == MISSING}
        gone = self.gone | refused
        if project is None or not gone or self._asking:
            return
        self._asking = True

        def tell(back: bool) -> None:
            self._asking = False
            if back:
                self.look()

        def failed(_error: UserError) -> None:
            self._asking = False

        self._background.run(lambda: _any_back(project, gone), tell, failed, lane=_LOOKING)

    def find(self, folder: Path, then: Callable[[int], None]) -> None:
        """Look in `folder` for images that are missing, by their content; `then` gets how many were found."""
        project = self._project()

        def done(found: int) -> None:
            then(found)
            self.look()

        if project is not None:
            self._background.run(lambda: project.find_moved(folder), done, lane=self._lane)

    def relocate(self, image_id: str, path: Path) -> None:
        """Take the file at `path` for an image that moved, and open it."""
        project = self._project()
        if project is None:
            return

        def done(_: object) -> None:
            self.noticed.emit(Notice(f"{path.name} is found again.", level="good"))
            self._open(image_id)

        self._background.run(lambda: project.relocate(image_id, path), done, lane=self._lane)

    def accept_changed(self, image_id: str) -> None:
        """Go on with the content that an image file has now, and open it; say so when it has not changed."""
        project = self._project()
        if project is None:
            return
        name = project.entry(image_id).name

        def accept() -> bool:
            try:
                project.check_image(image_id)
            except UserError as error:
                if error.code != CHANGED:
                    raise
                project.accept_changed_image(image_id)
                return True
            return False

        def done(changed: bool) -> None:
            if changed:
                self._open(image_id)
            else:
                self._front.forgive(image_id)
                self.look()
                self.noticed.emit(Notice(f"{name} has not changed since it was added; nothing was done."))

        self._background.run(accept, done, lane=self._lane)

    def _note_found(self, document: "ImageDocument | None") -> None:
        """Look again when an image opens that was gone or changed: its drive is connected, it was put back."""
        if document is not None and document.entry.id in self.gone | self.touched:
            self.look()

    def _open(self, image_id: str) -> None:
        self.changed.emit()
        self.look()
        self._front.open_again(image_id)


class _Seen(NamedTuple):
    gone: tuple[str, ...]
    touched: tuple[str, ...]


def _seen(project: "Project", wanted: Callable[[], bool]) -> _Seen:
    gone: list[str] = []
    touched: list[str] = []
    for entry in project.images:
        if not wanted():
            break
        path = project.image_path(entry.id)
        # In a folder that the user has not allowed nothing is touched: another question asks for that.
        allowed = path == Path(os.path.normpath(project.folder / entry.path))
        if allowed and not image_exists(path):
            gone.append(entry.id)
        elif allowed and project.seems_changed(entry.id):
            touched.append(entry.id)
    return _Seen(tuple(gone), tuple(touched))


def _any_back(project: "Project", gone: frozenset[str]) -> bool:
    return any(entry.id in gone and image_exists(project.image_path(entry.id)) for entry in project.images)
