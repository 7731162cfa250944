"""Eight patches with their labels, as a training with the settings of the form would see them."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.dialogs.patch_grid import PatchGrid
from segstudio.gui.forms.parts import EmptyState, button, caption, centred, row
from segstudio.gui.theme import SPACING
from segstudio.session.job_specs import TrainingWish
from segstudio.session.patch_preview import PatchPreview
from segstudio.session.session import Session

_EMPTY, _GRID = range(2)
_SIZE = QSize(980, 580)


class PatchesDialog(QDialog):
    """Shows patches beside the form whose settings make them.

    Parameters
    ----------
    wish
        What the form says now.
    """

    def __init__(self, session: Session, wish: Callable[[], TrainingWish], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("patches")
        self.setWindowTitle(self.tr("Patches for training"))
        self.preview = PatchPreview(session, wish)
        self.grid = PatchGrid(session.background)
        self._empty = EmptyState("squares-four")
        self._pages = QStackedWidget()
        self._pages.addWidget(centred(self._empty))
        self._pages.addWidget(self.grid)
        self._says = caption(role="")
        self._legend_words = self.tr(
            "Outlined: the labels. Hatched: nothing is known or asked there. Point at a patch to see it bare."
        )
        self._legend = caption()
        self._again = button(self.tr("Again"), self.preview.again, "shuffle")
        self._again.setToolTip(self.tr("Draw eight other patches"))
        column = QVBoxLayout(self)
        column.setSpacing(SPACING)
        column.addWidget(self._says)
        column.addWidget(self._pages, 1)
        column.addLayout(row(self._legend, self._again, stretch=0))
        self.resize(_SIZE)
        self._show()
        self.preview.changed.connect(self._show)
        session.project_changed.connect(self._on_project)
        session.document_changed.connect(self._on_document)
        session.jobs.changed.connect(self._on_job)
        self._session = session
        self.finished.connect(self._end)
        self.preview.refresh()

    def on_checked(self, wrong: Mapping[str, str]) -> None:
        """Draw the patches anew when settings changed and the engine found nothing `wrong` with them."""
        if not wrong:
            self.preview.refresh()

    def says(self) -> str:
        """Return what is said above the patches, or instead of them."""
        return self._says.text() if self._pages.currentWidget() is self.grid else self._empty.text()

    def _show(self) -> None:
        preview = self.preview
        if preview.patches:
            self.grid.show_patches(preview.patches)
            side = preview.patches[0].image.shape[0]
            words = self.tr("{0}: patches of {1} px, as the network would see them with these settings.")
            drawing = self.tr("Drawing …")
            self._says.setText(drawing if preview.busy else words.format(preview.image_name, side))
        else:
            waits = preview.waits_for
            waiting = self.tr("Waits for {0}.").format(waits) if waits else self.tr("Drawing patches …")
            self._empty.say(preview.error or waiting)
        self._says.setVisible(bool(preview.patches))
        self._legend.setText(self._legend_words if preview.patches else "")
        self._pages.setCurrentIndex(_GRID if preview.patches else _EMPTY)
        self._again.setEnabled(not preview.busy)

    def _on_job(self, _job_id: str) -> None:
        if self.preview.busy and not self.preview.patches:
            self._show()

    def _on_document(self, _document: object) -> None:
        if self._session.project is not None:
            self.preview.refresh()

    def _on_project(self, _project: object) -> None:
        self._end()  # a dialog that is hidden already, as its window is, closes without a word
        self.close()

    def _end(self) -> None:
        session = self._session
        for signal, slot in (
            (session.project_changed, self._on_project),
            (session.document_changed, self._on_document),
            (session.jobs.changed, self._on_job),
        ):
            signal.disconnect(slot, missing_ok=True)
        self.preview.changed.disconnect(self._show, missing_ok=True)
        self.preview.close()
        self.grid.let_go()
