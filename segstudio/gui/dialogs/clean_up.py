"""The window that cleans up an image: what would go is selected before it is done."""

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QDoubleSpinBox, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import caption, row
from segstudio.labels.clean_up import CleanUp, Found
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.session.clean_up_preview import CleanUpPreview
from segstudio.session.session import Session

#: Milliseconds after the last change until it is looked what it would do.
_QUIET_MS = 150
_LARGEST = 1e9


class CleanUpDialog(QDialog):
    """Stays open beside the work.

    Parameters
    ----------
    apply
        Does the edit to the image in front.
    """

    def __init__(self, session: Session, apply: Callable[[CleanUp], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Clean up"))
        self.setMinimumWidth(380)
        self._session, self._apply = session, apply
        self._preview = CleanUpPreview(session)
        self._preview.changed.connect(self._say)
        self.small = QCheckBox(self.tr("Remove objects smaller than"))
        self.small.setChecked(True)
        self.smallest = QDoubleSpinBox()
        self.smallest.setRange(0, _LARGEST)
        self.smallest.setDecimals(1)
        self.smallest.setValue(20.0)
        self.at_border = QCheckBox(self.tr("Remove objects that touch the edge of the image"))
        self.holes = QCheckBox(self.tr("Fill holes"))
        self.says = caption()
        self._preview.failed.connect(self._say_why)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.clean = QPushButton(self.tr("Clean up"))
        self.buttons.addButton(self.clean, QDialogButtonBox.ButtonRole.ActionRole)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addLayout(row(self.small, self.smallest))
        for widget in (self.at_border, self.holes, self.says, self.buttons):
            column.addWidget(widget)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._look)
        for box in (self.small, self.at_border, self.holes):
            box.toggled.connect(lambda _on: self._look_anew())
        self.smallest.valueChanged.connect(lambda _value: self._look_anew())
        self.buttons.rejected.connect(self.close)
        self.clean.clicked.connect(self._do)
        self._followed: ImageDocument | None = None
        session.document_changed.connect(self._on_document)
        session.front.edited.connect(self._on_edited)
        session.view.events.protect.connect(self._look_anew)
        session.ahead.changed.connect(self._on_ahead)
        self._on_document()

    def edit(self) -> CleanUp:
        """Return what is asked for."""
        smallest = round(self.smallest.value() / self._pixel_area()) if self.small.isChecked() else 0
        return CleanUp(smallest, self.at_border.isChecked(), self.holes.isChecked(), self._session.view.protect)

    def _pixel_area(self) -> float:
        document = self._session.document
        size = document.pixel_size if document is not None else None
        return 1.0 if size is None else size.x * size.y

    def _on_document(self, _document: object = None) -> None:
        if self._followed is not None:
            self._followed.turned.disconnect(self._look_anew, missing_ok=True)
        self._followed = document = self._session.document
        if document is not None:
            document.turned.connect(self._look_anew)
        known = document is not None and document.pixel_size is not None
        self.smallest.setSuffix(self.tr(" µm²") if known else self.tr(" px"))
        self._look_anew()

    def _on_edited(self, change: DocumentChange) -> None:
        if not change.live:
            self._look_anew()

    def _on_ahead(self) -> None:
        if not self._session.ahead.busy:
            self._look_anew()

    def _look_anew(self, _what: object = None) -> None:
        """Let nothing be done that was not shown: what was found is of another plane, state or wish."""
        self._preview.end()
        self._say(None)
        self._quiet.start()

    def _look(self) -> None:
        if self.isVisible():
            self._preview.ask(self.edit())

    def _do(self) -> None:
        self._look_anew()
        self._apply(self.edit())

    def _say_why(self, words: str) -> None:
        self.says.setText(words)

    def _say(self, found: Found | None) -> None:
        if found is None:
            self.says.setText(
                self.tr("Looking…") if self._session.document is not None else self.tr("No image is open.")
            )
            self.clean.setEnabled(False)
            return
        words = [
            text.format(len(ids))
            for ids, text in (
                (found.small, self.tr("{0:,} smaller")),
                (found.at_border, self.tr("{0:,} at the edge")),
                (found.with_holes, self.tr("{0:,} with holes")),
            )
            if ids
        ]
        document = self._session.document
        if document is not None and document.entry.planes > 1:
            shown, nothing = (
                self.tr(". They are selected on this plane; other planes stay as they are."),
                self.tr("There is nothing to clean up on this plane."),
            )
        else:
            shown, nothing = self.tr(". They are selected in the image."), self.tr("There is nothing to clean up.")
        self.says.setText(", ".join(words) + shown if words else nothing)
        self.clean.setEnabled(bool(words) and document is not None and not document.read_only)

    def showEvent(self, event: QShowEvent) -> None:
        """Look what would go."""
        super().showEvent(event)
        self._look()

    def hideEvent(self, event: QHideEvent) -> None:
        """Show nothing more in the image."""
        self._preview.end()
        super().hideEvent(event)
