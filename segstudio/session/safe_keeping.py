"""Says as long as what was drawn is not on the project's own disk: where it is, why, and when all is well again."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.project.project import Project
from segstudio.project.refusals import REMOVED, Refusal
from segstudio.project.rescue import default_rescue_folder
from segstudio.session.background import Background
from segstudio.session.notice import Notice

#: What such notices are about.
SAFETY: Final = "safety"
_ALL_BACK: Final = "All is in the project again."
_READABLE_BACK: Final = "All that could be read is in the project again."


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
    """A `Notice`; one that lasts stays until `over`."""
    over = Signal()
    """The disk of the project takes everything again, or the project was closed."""

    def __init__(self, project: Callable[[], Project | None], background: Background) -> None:
        self.notice: Notice | None = None
        self._project = project
        self._background = background
        self._coming_back = ""
        self._keeping = False

    def project_opened(self, project: Project) -> None:
        """Follow another project; say what comes back to it."""
        self._coming_back = " ".join(project.coming_back)
        if self._coming_back:
            self.noticed.emit(Notice(self._coming_back, about=SAFETY, outlives=True))
        project.rescue.on_change = lambda: self._background.post(lambda: self._look(project))
        self._look(project)

    def project_closed(self) -> None:
        """Have nothing to say any more."""
        self._coming_back = ""
        self._say(None)

    def look(self) -> None:
        """Look whether what was kept elsewhere is in the project now."""
        project = self._project()
        if project is not None:
            self._look(project)

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
        if self._coming_back:
            self._background.run(project.all_back, lambda back: self._on_looked(project, back=back))
        if was_removed(project.rescued().values()):
            self._keep_whole(project)
        notice = _notice(project)
        if notice is not None or project.durable:  # else it is on its way, nobody knows where to
            self._say(notice)

    def _keep_whole(self, project: Project) -> None:
        """Keep whole what only memory has: the files that it was saved in are deleted."""
        taken = [] if self._keeping else project.whole_labels.take()
        if not taken:
            return
        self._keeping = True

        def done(_: object) -> None:
            self._keeping = False
            self._look(project)

        def failed(_error: UserError) -> None:
            self._keeping = False  # tried again after the next action; until then nobody says that it is kept

        self._background.run(lambda: project.whole_labels.keep(taken), done, failed)

    def _on_looked(self, project: Project, *, back: bool) -> None:
        if back and self._coming_back and project is self._project():
            came, self._coming_back = self._coming_back, ""
            if self.notice is None:
                self.noticed.emit(_good_news(project, came))

    def _say(self, notice: Notice | None) -> None:
        before, self.notice = self.notice, notice
        if notice is not None and notice != before:
            self.noticed.emit(notice)
        elif notice is None and before is not None:
            self.over.emit()
            project = self._project()
            if project is not None:
                self._background.run(project.whole_labels.clear)
            if project is not None and not self._coming_back:
                self.noticed.emit(_good_news(project))


def _good_news(project: Project, came: str = "") -> Notice:
    damaged = project.rescue.damaged  # which was told as a warning
    says = _READABLE_BACK if damaged else _ALL_BACK
    return Notice(came or says, says if came else "", "info" if damaged else "good", about=SAFETY, outlives=True)


def _notice(project: Project) -> Notice | None:
    refused = {name: why for name, why in project.unsaved(0).items() if why is not None}
    if refused:
        reason, remedy = said_of(refused.values())
        says = f"{reason}: what you did last in {names_of(refused)} is not saved yet."
        return Notice(
            says, f"{remedy}, or keep it in another place.", "error", about=SAFETY, outlives=True, lasting=True
        )
    rescued = project.rescued()
    if rescued:
        reason, remedy = said_of(rescued.values())
        says = f"{reason}: what you did last in {names_of(rescued)} is kept {place_of(rescued.values())}."
        hint = f"{remedy}; it goes back by itself."
        if was_removed(rescued.values()):
            hint = f"{remedy}, and all goes in by itself. {if_not_back(project)}"
        if otherwise := otherwise_of(rescued.values()):
            hint = f"{remedy}, and it goes in by itself. Or {otherwise}: what is kept is not lost."
        return Notice(says, hint, "error", about=SAFETY, outlives=True, lasting=True)
    return None


def names_of(things: Iterable[str]) -> str:
    """Return one name or two, or the first and how many others there are."""
    names = list(things)
    if len(names) <= 2:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1:,} more"


def said_of(refusals: Iterable[Refusal]) -> tuple[str, str]:
    """Return why several things are refused and what helps, each said once."""
    told = list(refusals)
    reasons, remedies = dict.fromkeys(item.reason for item in told), dict.fromkeys(item.remedy for item in told)
    return "; ".join(reasons), "; ".join(filter(None, remedies)) or "Check the disk"


def otherwise_of(refusals: Iterable[Refusal]) -> str:
    """Return what may be done instead, if anything; what is kept does not go back by itself then."""
    return next((item.otherwise for item in refusals if item.otherwise), "")


def was_removed(refusals: Iterable[Refusal]) -> bool:
    """Whether the folder of the project was deleted, as far as can be told."""
    return any(item.reason == REMOVED.reason for item in refusals)


def if_not_back(project: Project | None) -> str:
    """Return what can be done when the folder of the project does not come back."""
    folder = project.whole_labels.folder if project is not None else None
    if folder is None:
        return "Keep this window open until then: what was drawn before is nowhere else."
    return (
        "If it does not come back, make a new project and take the outlines of the images that were open here, "
        f"without their classes, with File › Import masks… from {folder}."
    )


def place_of(refusals: Iterable[Refusal]) -> str:
    """Return where things are kept: on this computer, or in the place that the user has chosen."""
    own = default_rescue_folder()
    places = dict.fromkeys(item.kept_in.parent for item in refusals if item.kept_in is not None)
    return ", ".join("on this computer" if place == own else f"in {place}" for place in places)
