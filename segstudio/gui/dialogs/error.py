"""What a program fault looks like: one readable message, the report folded away, the program lives on."""

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from segstudio.gui.report import Failure, ReportBox
from segstudio.project.refusals import Refusal
from segstudio.session.background import Background
from segstudio.session.safe_keeping import names_of, said_of


class ErrorDialog(ReportBox):
    """Shows an unexpected error once; its report holds no image data.

    Parameters
    ----------
    unsaved
        What is nowhere safe at this moment, by name, and why if that is known.
    log
        The program's log, of which the report has the last lines.
    background
        Reads it.
    """

    def __init__(
        self,
        title: str,
        trace: str,
        unsaved: Mapping[str, Refusal | None],
        log: Path | None,
        background: Background,
        parent: QWidget,
    ) -> None:
        self._calm = f"{_safety(unsaved)} {_tr('You can go on working.')}"
        failure = Failure(
            title=_tr("Something went wrong in SegStudio"),
            message=_tr("SegStudio met a fault of its own: {title}").format(title=title),
            hint=self._calm,
            report=f"{title}\n\n{trace}",
            leave=_tr("Go on"),
            picture="warning",
        )
        super().__init__(failure, log, background, parent)
        self._times, self._others = 1, 0

    def count(self, times: int) -> None:
        """Say how often the same came by now."""
        self._times = times
        self._say()

    def count_other(self) -> None:
        """Say that another one came, which only the log tells of."""
        self._others += 1
        self._say()

    def _say(self) -> None:
        words = [self._calm]
        if self._times > 1:
            words.append(_tr("This came {0} times.").format(self._times))
        if self._others:
            words.append(_tr("Other faults since then, in the log: {0}.").format(self._others))
        self.say(" ".join(words))


def _safety(unsaved: Mapping[str, Refusal | None]) -> str:
    """Return how safe the labels are, and why they are not, as the banner says it too."""
    refused = {name: why for name, why in unsaved.items() if why is not None}
    if refused:
        reason, remedy = said_of(refused.values())
        says = _tr("{0}: what you did last in {1} is not saved yet. {2}.")
        return says.format(reason, names_of(refused), remedy)
    if unsaved:
        return _tr("What you did last in {0} is not saved yet.").format(names_of(unsaved))
    return _tr("Your labels are safe: every finished stroke is on the disk.")


def _tr(text: str) -> str:
    return QCoreApplication.translate("ErrorDialog", text)
