"""What stands in the middle of the canvas while no image is shown there."""

from PySide6.QtCore import QCoreApplication

from segstudio.project.annotation_reader import DAMAGED_LABELS
from segstudio.session.image_files import CHANGED, MISSING
from segstudio.session.session import Session

_HELP = {
    DAMAGED_LABELS: "Edit › History shows its earlier states.",
    MISSING: "Right-click it in the list of images to find its file.",
    CHANGED: "Right-click it in the list of images to use the changed image.",
}


def no_image_words(session: Session) -> str:
    """Return what to do: which image could not be opened, where there are some; nothing while one is opening."""
    project, front = session.project, session.front
    names = {entry.id: entry.name for entry in project.images} if project is not None else {}
    refused = next((image_id for image_id in reversed(front.refusals) if image_id in names), "")
    if front.wanted in names:
        return ""
    if not refused:
        return _tr("Open a folder of images, or drop one here.")
    says = _tr("{0} cannot be opened.").format(names[refused])
    helps = _tr(_HELP.get(front.refusals[refused].code, ""))
    other = _tr("The other images can be chosen in the list.") if len(names) > 1 else ""
    return "\n".join(line for line in (says, helps, other) if line)


def _tr(words: str) -> str:
    return QCoreApplication.translate("NoImage", words) if words else ""
