"""Keeps the overlays in step with the session: what the view state shows, the classes, the proposals."""

from psygnal import EmissionInfo
from PySide6.QtCore import QObject, Signal

from segstudio.core.tiles import Window
from segstudio.gui.viewer.overlays import Overlays
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.session.session import Session

_STYLE_FIELDS = {
    "show_fill", "show_contours", "fill_opacity", "contour_opacity", "prediction_opacity",
}  # fmt: skip
_LAYER_FIELDS = {"show_fill", "show_contours", "show_boxes", "show_predictions", "show_regions", "peek", "box_opacity"}


class OverlayFollower(QObject):
    """Hears of changes in the session and hands them to the overlays."""

    exchanged = Signal()
    """Other proposals are shown, or none."""

    def __init__(self, session: Session, overlays: Overlays, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._overlays = session, overlays
        self._document: ImageDocument | None = None
        self._project: Project | None = None
        session.view.events.connect(self._on_view)
        session.review.changed.connect(self._on_proposals)
        session.review.focused.connect(self._on_focused)

    def set_document(self, document: ImageDocument | None) -> None:
        """Follow the classes and proposals of another document."""
        self._document = document
        if self._project is not None:
            self._project.classes_changed.disconnect(self._on_classes)
        self._project = self._session.project if document is not None else None
        if self._project is not None:
            self._project.classes_changed.connect(self._on_classes)
        if document is not None:
            self._on_proposals(None)

    def close(self) -> None:
        """Follow nothing any more."""
        self.set_document(None)
        self._session.view.events.disconnect(self._on_view)
        self._session.review.changed.disconnect(self._on_proposals)
        self._session.review.focused.disconnect(self._on_focused)
        self._overlays.close()

    def _on_classes(self) -> None:
        if self._session.view.colour_by == "class":
            self._overlays.recolour()

    def _on_proposals(self, window: Window | None) -> None:
        review = self._session.review
        if window is not None and review.shown is not None and review.shown is self._overlays.shown_proposals:
            self._overlays.on_proposals_changed(window)
            return
        self._overlays.set_proposals(review.shown if self._document is self._session.document else None, {})
        self._overlays.refresh()
        self.exchanged.emit()

    def _on_focused(self, _window: object) -> None:
        self._overlays.restyle_proposals()

    def _on_view(self, info: EmissionInfo) -> None:
        name = info.signal.name
        if name in _STYLE_FIELDS:
            self._overlays.restyle()
        if name == "class_id" and self._session.view.colour_by == "class":
            self._overlays.take_class()
        if name == "colour_by":
            self._overlays.restyle_proposals()
        if name == "selected":
            self._overlays.select(info.args[1], info.args[0])
        if name in _LAYER_FIELDS:
            self._overlays.refresh()
