"""Projects come in here: opened, made of images, and brought up to date after a crash."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.project.lock import LEFT_OPEN, Holder
from segstudio.project.project import Project
from segstudio.session.background import Background
from segstudio.session.notice import Notice

#: Codes of errors that do not keep a project from being looked at.
_READABLE = frozenset(
    {"project-locked", LEFT_OPEN, "no-locks", "no-permission", "read-only", "disk-full", "newer-format"}
)
#: What notices are about that something newer makes untrue: why nothing was opened.
OPENING = "opening"
#: Notices about what was found in images while they were brought up to date after a crash.
RECOVERED = "recovered"


class ProjectDoor:
    """Lets one project in at a time.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    background, lane
        Where projects and images are opened and closed, one after the other.
    rescue
        Returns where the user wants to keep what the disk refuses; ``None`` for the usual place.
    """

    opened = Signal(object)
    """A `Project` that is to be the open one."""
    refused = Signal(object, object)
    """Folder of a project that nobody may write now, and the `UserError` that says why."""
    odd = Signal(object, int)
    """Sentences about images, or masks, that were left out of a new project, and how many images were taken."""
    recovered = Signal()
    """All images were brought up to date after a crash."""
    noticed = Signal(object)
    """A `Notice`."""

    def __init__(
        self,
        project: Callable[[], Project | None],
        background: Background,
        lane: str,
        rescue: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._project, self._background, self._lane = project, background, lane
        self._rescue = rescue
        self._opening: Path | None = None

    def open(self, folder: Path, *, read_only: bool = False, take_from: Holder | None = None) -> None:
        """Open a project; `refused` tells when it cannot be written, but could be opened with `read_only`.

        `take_from` has not closed it on another computer, of which the user says that it is off.
        """
        if folder == self._opening:
            return  # a double click on its name
        self._opening = folder
        rescue = self._rescue()

        def take(project: Project) -> None:
            self._opening = None
            self.opened.emit(project)

        def failed(error: UserError) -> None:
            self._opening = None
            if error.code in _READABLE and not read_only and len(self.refused):
                self.refused.emit(folder, error)
            else:
                self.refuse(error)

        self._background.run(
            lambda: Project.open(folder, read_only=read_only, rescue=rescue, take_from=take_from),
            take,
            failed,
            lane=self._lane,
        )

    def create(self, folder: Path, images: list[Path], *, import_masks: bool = False) -> None:
        """Make a project of images or folders of images, and open it."""
        rescue = self._rescue()

        def create() -> tuple[Project, list[str], list[str]]:
            project, images_out = Project.create(folder, images, rescue=rescue)
            return project, images_out, project.import_masks() if import_masks else []

        def take(made: tuple[Project, list[str], list[str]]) -> None:
            project, images_out, masks_out = made
            self.opened.emit(project)
            self.odd.emit(images_out, len(project.images))
            self.odd.emit(masks_out, 0)

        self._background.run(create, take, self.refuse, lane=self._lane)

    def refuse(self, error: UserError) -> None:
        """Tell why something was not opened; said until something is, or is refused for another reason."""
        self.noticed.emit(replace(Notice.of(error), about=OPENING, outlives=True))

    def catch_up(self, project: Project) -> None:
        """Bring label files up to date after a crash, one image at a time so that those that are looked at go first."""
        if project is not self._project() or not (behind := project.behind):
            return
        found: list[str] = []

        def failed(error: UserError) -> None:
            if project is self._project():
                self.noticed.emit(replace(Notice.of(error), group=error.code, outlives=True))
            caught_up(None)

        def caught_up(_: object) -> None:
            # Also when the project was closed meanwhile: the image is mended now, and nobody would tell of it again.
            for sentence in found:
                self.noticed.emit(Notice(sentence, level="warning", group=RECOVERED, outlives=True))
            if project is self._project() and not project.behind:
                self.recovered.emit()
            self.catch_up(project)

        self._background.run(lambda: project.catch_up(behind[0], found.append), caught_up, failed, lane=self._lane)
