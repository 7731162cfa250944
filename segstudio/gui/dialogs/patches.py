"""Eight patches with their labels, as a training with the settings of the form would see them."""

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtWidgets import QDialog, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import EmptyState, button, caption, row
from segstudio.gui.theme import SPACING, tokens
from segstudio.session.job_specs import TrainingWish
from segstudio.session.patch_preview import Patch, PatchPreview, Rings
from segstudio.session.session import Session

_EMPTY, _GRID = range(2)
_COLUMNS, _ROWS = 4, 2
_SIZE = QSize(980, 580)
#: Width of an outline and of the dark rim that sets it off from a bright image, logical pixels.
_LINE, _RIM = 1.6, 3.2
_SHADE = QColor(0, 0, 0, 110)
_RIM_COLOUR = QColor(0, 0, 0, 90)


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
        self.grid = PatchGrid()
        self._empty = EmptyState("squares-four")
        self._pages = QStackedWidget()
        self._pages.addWidget(_centred(self._empty))
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


class PatchGrid(QWidget):
    """Patches in two lines of four, as large as there is room, with outlines of the screen's own sharpness."""

    def __init__(self) -> None:
        super().__init__()
        self._patches: list[_Drawn] = []
        self._bare = -1
        self.setMouseTracking(True)
        self.setMinimumSize(_COLUMNS * 96, _ROWS * 96)
        self.setAccessibleName(self.tr("Patches with their labels"))

    @property
    def count(self) -> int:
        """How many patches are shown."""
        return len(self._patches)

    def show_patches(self, patches: Sequence[Patch]) -> None:
        """Show other patches."""
        self._patches = [_Drawn(patch) for patch in patches]
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the patches."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        for number, (patch, frame) in enumerate(zip(self._patches, self._frames(), strict=False)):
            patch.paint(painter, frame, bare=number == self._bare)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show the patch under the pointer without its labels."""
        inside = [number for number, frame in enumerate(self._frames()) if frame.contains(event.position())]
        self._set_bare(inside[0] if inside else -1)

    def leaveEvent(self, _event: QEvent) -> None:
        """Show all labels again."""
        self._set_bare(-1)

    def _set_bare(self, number: int) -> None:
        if number != self._bare:
            self._bare = number
            self.update()

    def _frames(self) -> list[QRectF]:
        side = min(
            (self.width() - (_COLUMNS - 1) * SPACING) / _COLUMNS, (self.height() - (_ROWS - 1) * SPACING) / _ROWS
        )
        left = (self.width() - _COLUMNS * side - (_COLUMNS - 1) * SPACING) / 2
        top = (self.height() - _ROWS * side - (_ROWS - 1) * SPACING) / 2
        places = [(number % _COLUMNS, number // _COLUMNS) for number in range(_COLUMNS * _ROWS)]
        return [QRectF(left + x * (side + SPACING), top + y * (side + SPACING), side, side) for x, y in places]


class _Drawn:
    """One patch in the forms that Qt paints."""

    def __init__(self, patch: Patch) -> None:
        height, width = patch.image.shape[:2]
        picture = QImage(patch.image.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._picture = QPixmap.fromImage(picture)
        self._outlines = [_path(rings) for rings in patch.outlines]
        self._unknown = _path(patch.unknown)

    def paint(self, painter: QPainter, frame: QRectF, *, bare: bool) -> None:
        """Draw the patch into `frame`; without labels when it is `bare`."""
        painter.drawPixmap(frame, self._picture, QRectF(self._picture.rect()))
        if bare:
            return
        painter.save()
        painter.setClipRect(frame)
        painter.translate(frame.topLeft())
        painter.scale(frame.width() / self._picture.width(), frame.height() / self._picture.height())
        painter.fillPath(self._unknown, _SHADE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_hatching(painter))
        painter.drawPath(self._unknown)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        colours = [QColor(name) for name in tokens().labels]
        for colour, width in ((_RIM_COLOUR, _RIM), (None, _LINE)):
            for number, path in enumerate(self._outlines):
                pen = QPen(colour or colours[number % len(colours)], width)
                pen.setCosmetic(True)
                pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
                painter.setPen(pen)
                painter.drawPath(path)
        painter.restore()


def _centred(widget: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.addStretch(1)
    column.addWidget(widget)
    column.addStretch(1)
    return page


def _hatching(painter: QPainter) -> QBrush:
    """Return diagonal lines as wide as the screen's, however much the painter enlarges."""
    brush = QBrush(QColor(255, 255, 255, 90), Qt.BrushStyle.BDiagPattern)
    back, invertible = painter.worldTransform().inverted()
    if invertible:
        brush.setTransform(back)
    return brush


def _path(rings: Rings) -> QPainterPath:
    path = QPainterPath()
    for ring in rings:
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in ring]))
        path.closeSubpath()
    return path
