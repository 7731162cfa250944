"""Files of images that moved or were changed outside of the program: found again, taken as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.session.background import Background

if TYPE_CHECKING:
    from segstudio.project.project import Project

#: Codes of errors about image files that a person may clear up.
FINDABLE = frozenset({"image-missing", "image-changed"})


class ImageFiles:
    """Clears up where the files of images are, and what is in them.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    background
        Reads and writes files.
    lane
        Where images are opened and closed, one after the other.
    """

    def __init__(self, project: "Callable[[], Project | None]", background: Background, lane: str) -> None:
        self._project = project
        self._background = background
        self._lane = lane

    def find(self, folder: Path, then: Callable[[int], None]) -> None:
        """Look in `folder` for images that are missing, by their content; `then` gets how many were found."""
        project = self._project()
        if project is not None:
            self._background.run(lambda: project.find_moved(folder), then, lane=self._lane)

    def relocate(self, image_id: str, path: Path, then: Callable[[], None]) -> None:
        """Take the file at `path` for an image that moved; `then` follows."""
        project = self._project()
        if project is not None:
            self._background.run(lambda: project.relocate(image_id, path), lambda _: then(), lane=self._lane)

    def accept_changed(self, image_id: str, then: Callable[[bool], None]) -> None:
        """Go on with the content that an image file has now; `then` gets whether it had changed."""
        project = self._project()
        if project is None:
            return

        def accept() -> bool:
            try:
                project.check_image(image_id)
            except UserError as error:
                if error.code != "image-changed":
                    raise
                project.accept_changed_image(image_id)
                return True
            return False

        self._background.run(accept, then, lane=self._lane)
