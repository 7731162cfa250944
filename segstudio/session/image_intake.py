"""Images that are added to the open project: what could not be taken is said, and that many are on their way."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from segstudio.session.background import Background
from segstudio.session.notice import Notice
from segstudio.session.project_door import ProjectDoor

if TYPE_CHECKING:
    from segstudio.project.project import Project

_INTAKE: Final = "intake"
_OTHERS: Final = ("file was not added", "files were not added")
#: What the notices are about that say how far it is.
_ADDING: Final = "images on their way"
#: Seconds after which is said how far it is, and how often then.
_TOLD_AFTER_S: Final = 1.0


class _Closed(Exception):
    """The project that images are added to was closed."""


class ImageIntake:
    """Adds images and tells of it.

    Parameters
    ----------
    door
        Its project may leave images out as well.
    background
        Reads the files, on a lane of its own: images that are there can be opened meanwhile.
    is_open
        Whether a project is still the one that is open: for another one nothing is added any more.
    tell
        Takes each `Notice`.
    added
        Called with the ids of the images that are new; with none while more are to come.
    """

    def __init__(
        self,
        door: ProjectDoor,
        background: Background,
        is_open: "Callable[[Project], bool]",
        tell: Callable[[Notice], None],
        added: Callable[[set[str]], None],
    ) -> None:
        self._background = background
        self._is_open = is_open
        self._tell = tell
        self._added = added
        door.odd.connect(self._tell_left_out)

    def add(self, project: "Project", paths: list[Path]) -> None:
        """Add images, or the images of folders, to the open project."""
        before = {entry.id for entry in project.images}
        due, told = time.monotonic() + _TOLD_AFTER_S, False

        def looked(count: int) -> None:
            nonlocal due, told
            if not self._is_open(project):
                raise _Closed
            if time.monotonic() > due:
                due, told = time.monotonic() + _TOLD_AFTER_S, True
                says = f"Images are being added: {count:,} {'file' if count == 1 else 'files'} looked at."
                self._background.post(lambda: self._tell(Notice(says, about=_ADDING)))

        def some() -> None:
            self._background.post(lambda: self._added(set()) if self._is_open(project) else None)

        def work() -> list[str]:
            with suppress(_Closed):
                return project.add_images(paths, looked, some)
            return []

        def done(problems: list[str]) -> None:
            if not self._is_open(project):
                return
            new = {entry.id for entry in project.images} - before
            if told:
                images = "1 image was" if len(new) == 1 else f"{len(new):,} images were"
                self._tell(Notice(f"{images} added.", level="good" if new else "info", about=_ADDING))
            self._tell_left_out(problems, len(new))
            self._added(new)

        self._background.run(work, done, lane="intake")

    def _tell_left_out(self, problems: list[str], added: int) -> None:
        count = len(problems)
        verb = "was" if count == 1 else "were"
        says = f"{count} of {count + added} {verb} not added: " if added else ""
        for problem in problems:
            self._tell(Notice(f"{says}{problem}", "", "warning", group=_INTAKE, others=_OTHERS))
            says = ""
