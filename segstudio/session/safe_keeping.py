"""Says as long as what was drawn is not on the project's own disk: where it is, why, and when all is well again."""

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from segstudio.project.project import Project
from segstudio.session.background import Background
from segstudio.session.notice import Notice

#: What such notices are about.
SAFETY = "safety"


class SafeKeeping:
    """Follows the rescue store of the open project.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    background
        Brings the news to the main thread.

    Attributes
    ----------
    notice
        What is to be said as long as it lasts; ``None`` when all is well.
    """

    noticed = Signal(object)
    """A `Notice`; it stays until `over`."""
    over = Signal()
    """The disk of the project has everything."""

    def __init__(self, project: Callable[[], Project | None], background: Background) -> None:
        self.notice: Notice | None = None
        self._project = project
        self._background = background

    def project_opened(self, project: Project) -> None:
        """Follow another project."""
        project.rescue.on_change = lambda: self._background.post(lambda: self._look(project))
        self._look(project)

    def project_closed(self) -> None:
        """Have nothing to say any more."""
        self._say(None)

    def retry(self) -> None:
        """Try the disk again now."""
        project = self._project()
        if project is not None:
            project.retry()

    def move_to(self, folder: Path) -> None:
        """Keep what the disk refuses in another folder."""
        project = self._project()
        if project is not None:
            project.rescue.move_to(folder)
            project.retry()

    def _look(self, project: Project) -> None:
        if project is not self._project():
            return
        notice = _notice(project)
        if notice is not None or project.durable:  # else it is on its way, nobody knows where to
            self._say(notice)

    def _say(self, notice: Notice | None) -> None:
        before, self.notice = self.notice, notice
        if notice is not None and notice != before:
            self.noticed.emit(notice)
        elif notice is None and before is not None:
            self.over.emit()


def _notice(project: Project) -> Notice | None:
    refused = {name: why for name, why in project.unsaved(0).items() if why}
    if refused:
        says = f"What you did last in {', '.join(refused)} is not saved yet."
        return Notice(says, _reasons(refused), "error", about=SAFETY, lasting=True)
    rescued = project.rescued()
    if rescued:
        says = f"What you did last in {', '.join(rescued)} is safe, but not in the project yet."
        return Notice(says, _reasons(rescued), "error", about=SAFETY, lasting=True)
    return None


def _reasons(why: dict[str, str]) -> str:
    return " ".join(dict.fromkeys(why.values()))
