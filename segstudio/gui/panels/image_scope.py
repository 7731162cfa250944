"""Chooses which images something is done with: the one in front, those selected in the list, or all."""

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QPushButton, QWidget

from segstudio.project.project import ImageEntry
from segstudio.session.session import Session

CURRENT, SELECTED, ALL = range(3)


class ImageScope(QWidget):
    """Three buttons, of which one is down."""

    changed = Signal()
    """Other images are meant now."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._selected: tuple[str, ...] = ()
        self._group = QButtonGroup(self)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        for number, text in enumerate((self.tr("This image"), self.tr("Selected"), self.tr("All"))):
            choice = QPushButton(text)
            choice.setCheckable(True)
            self._group.addButton(choice, number)
            line.addWidget(choice, 1)
        self.button(SELECTED).setToolTip(self.tr("Images selected in the list on the left"))
        self.button(CURRENT).setChecked(True)
        self._group.idClicked.connect(lambda _number: self.changed.emit())
        self.refresh()

    def button(self, number: int) -> QAbstractButton:
        """Return the button of `CURRENT`, `SELECTED` or `ALL`."""
        return self._group.button(number)

    def set_selected(self, image_ids: Iterable[str]) -> None:
        """Say which images are selected in the list."""
        self._selected = tuple(image_ids)
        self.refresh()

    def entries(self) -> list[ImageEntry]:
        """Return the images that are meant, in the order of the project."""
        project, document = self._session.project, self._session.document
        if project is None:
            return []
        scope = self._group.checkedId()
        if scope == ALL:
            return list(project.images)
        if scope == SELECTED:
            return [entry for entry in project.images if entry.id in self._selected]
        return [project.entry(document.entry.id)] if document else []

    def refresh(self) -> None:
        """Bring the numbers up to date; where nothing is selected any more, the image in front is meant."""
        project = self._session.project
        some = bool(self._selected)
        self.button(SELECTED).setEnabled(some)
        if not some and self._group.checkedId() == SELECTED:
            self.button(CURRENT).setChecked(True)
        selected = self.tr("Selected ({0})").format(len(self._selected)) if some else self.tr("Selected")
        self.button(SELECTED).setText(selected)
        self.button(ALL).setText(self.tr("All ({0})").format(len(project.images) if project else 0))
