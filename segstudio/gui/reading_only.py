"""What a window that only looks offers: nothing that would change something, and the reason in its place."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from segstudio.session.session import Session


def why_grey(session: Session) -> str:
    """Return what keeps the open project from being changed; empty for nothing."""
    project = session.project
    if project is None or not project.read_only:
        return ""
    return QCoreApplication.translate("ReadingOnly", "The project is open for reading only.")


def allow(widget: QWidget, session: Session, *, possible: bool = True, tip: str = "") -> None:
    """Enable what changes the project where it is `possible` and may be; the tooltip says why not.

    Parameters
    ----------
    tip
        What it does, for the tooltip.
    """
    why = why_grey(session)
    widget.setEnabled(possible and not why)
    widget.setToolTip("\n".join(filter(None, (tip, why))))
