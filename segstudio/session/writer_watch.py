"""Who only looks at a project hears when its writer has closed it."""

from collections.abc import Callable

from psygnal import Signal

from segstudio.project.layout import Layout
from segstudio.project.lock import is_held
from segstudio.project.project import Project
from segstudio.session.background import Background
from segstudio.session.notice import Notice

#: What such notices are about.
READING_ONLY = "reading only"


class WriterWatch:
    """Looks whether somebody has the open project open for writing, while it is open here for reading only.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    background
        Reads the lock file.
    """

    noticed = Signal(object)
    """A `Notice`: the project is open for reading only."""
    gone = Signal(object)
    """A `Notice`: nobody has it open for writing any more."""
    back = Signal()
    """Somebody has it again."""

    def __init__(self, project: Callable[[], Project | None], background: Background) -> None:
        self._project = project
        self._background = background
        self._seen = self._told = False

    def project_opened(self) -> None:
        """Begin with another project."""
        self._seen = self._told = False
        project = self._project()
        if project is not None and project.read_only:
            says = f"{project.name} is open for reading only: nothing in it can be changed in this window."
            self.noticed.emit(Notice(says, about=READING_ONLY))
            self.look()

    def look(self) -> None:
        """Look at the lock; to be called every few seconds."""
        project = self._project()
        if project is not None and project.read_only:
            lock = Layout(project.folder).lock
            self._background.run(lambda: is_held(lock), lambda held: self._take(project, held=held))

    def _take(self, project: Project, *, held: bool) -> None:
        if project is not self._project():
            return
        if held:
            self._seen = True
            if self._told:
                self._told = False
                self.back.emit()
        elif self._seen and not self._told:  # what nobody had open cannot be written for another reason
            self._told = True
            says = f"{project.name} is not open for writing in another program any more."
            self.gone.emit(Notice(says, "You can open it for writing now.", about=READING_ONLY))
