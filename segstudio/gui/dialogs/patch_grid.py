"""Eight patches with their labels, painted away from the window's thread and put on the screen as they are."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, Qt, QTimer
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from segstudio.gui.theme import SPACING, tokens
from segstudio.session.background import Background
from segstudio.session.patch_preview import Patch, Rings

_COLUMNS, _ROWS = 4, 2
#: Painted in a new size when the size has rested so long, milliseconds.
_PAUSE_MS = 80
#: Width of an outline and of the dark rim that sets it off from a bright image, logical pixels.
_LINE, _RIM = 1.6, 3.2
_SHADE, _HATCHING = QColor(0, 0, 0, 110), QColor(255, 255, 255, 90)
_RIM_COLOUR = QColor(0, 0, 0, 90)


@dataclass(frozen=True, eq=False)
class _Painted:
    """One patch in the pixels of the screen: as it is, and with its labels."""

    bare: QImage
    labelled: QImage


class PatchGrid(QWidget):
    """Patches in two lines of four, as large as there is room, with outlines of the screen's own sharpness.

    Parameters
    ----------
    background
        Paints: thousands of outlines take longer than a window may stand still.
    """

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._patches: tuple[Patch, ...] = ()
        self._painted: list[_Painted] = []
        self._newest, self._bare = 0, -1
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._paint_anew)
        self.setMouseTracking(True)
        self.setMinimumSize(_COLUMNS * 96, _ROWS * 96)
        self.setAccessibleName(self.tr("Patches with their labels"))

    @property
    def count(self) -> int:
        """How many patches are shown."""
        return len(self._painted)

    def show_patches(self, patches: tuple[Patch, ...]) -> None:
        """Show other patches as soon as they are painted; those before stay until then."""
        if patches is not self._patches:
            self._patches = patches
            self._paint_anew()

    def let_go(self) -> None:
        """Wait for nothing any more."""
        self._timer.stop()
        self._newest += 1

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Put the patches on the screen."""
        painter = QPainter(self)
        for number, (painted, frame) in enumerate(zip(self._painted, self._frames(), strict=False)):
            painter.drawImage(frame, painted.bare if number == self._bare else painted.labelled)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Paint the patches in their new size."""
        if self._patches:
            self._timer.start(_PAUSE_MS)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show the patch under the pointer without its labels."""
        place = event.position().toPoint()
        self._set_bare(next((number for number, frame in enumerate(self._frames()) if frame.contains(place)), -1))

    def leaveEvent(self, _event: QEvent) -> None:
        """Show all labels again."""
        self._set_bare(-1)

    def _set_bare(self, number: int) -> None:
        changed = {self._bare, number} - {-1} if number != self._bare else set()
        self._bare = number
        for place in changed:
            self.update(self._frames()[place])

    def _paint_anew(self) -> None:
        self._timer.stop()
        self._newest += 1
        mine, patches, ratio = self._newest, self._patches, self.devicePixelRatioF()
        side = round(self._frames()[0].width() * ratio)

        def paint() -> list[_Painted]:
            return [_paint(patch, side, ratio) for patch in patches if mine == self._newest]

        def take(painted: list[_Painted]) -> None:
            if mine == self._newest:  # otherwise other patches, another size, or a window that is gone
                self._painted = painted
                self.update()

        self._background.run(paint, take, lane="patches")

    def _frames(self) -> list[QRect]:
        """Return where the patches lie, in whole pixels: nothing is smoothed that is painted in this size."""
        side = min(
            (self.width() - (_COLUMNS - 1) * SPACING) // _COLUMNS, (self.height() - (_ROWS - 1) * SPACING) // _ROWS
        )
        left = (self.width() - _COLUMNS * side - (_COLUMNS - 1) * SPACING) // 2
        top = (self.height() - _ROWS * side - (_ROWS - 1) * SPACING) // 2
        places = [(number % _COLUMNS, number // _COLUMNS) for number in range(_COLUMNS * _ROWS)]
        return [QRect(left + x * (side + SPACING), top + y * (side + SPACING), side, side) for x, y in places]


def _paint(patch: Patch, side: int, ratio: float) -> _Painted:
    """Paint a patch `side` pixels wide; on any thread, since nothing but images is touched."""
    height, width = patch.image.shape[:2]
    raw = QImage(patch.image.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    smooth = Qt.TransformationMode.SmoothTransformation
    bare = raw.scaled(side, side, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
    bare = bare.convertToFormat(QImage.Format.Format_RGB32)
    labelled = bare.copy()
    painter = QPainter(labelled)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / width, side / height)
    _paint_unknown(painter, patch.unknown)
    colours = [QColor(name) for name in tokens().labels]
    outlines = [_path(rings) for rings in patch.outlines]
    for colour, thick in ((_RIM_COLOUR, _RIM), (None, _LINE)):
        for number, path in enumerate(outlines):
            pen = QPen(colour or colours[number % len(colours)], thick * ratio)
            pen.setCosmetic(True)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.strokePath(path, pen)
    painter.end()
    return _Painted(bare, labelled)


def _paint_unknown(painter: QPainter, rings: Rings) -> None:
    path = _path(rings)
    painter.fillPath(path, _SHADE)
    hatching = QBrush(_HATCHING, Qt.BrushStyle.BDiagPattern)
    back, invertible = painter.worldTransform().inverted()
    if invertible:  # lines as wide as the screen's, however much the painter enlarges
        hatching.setTransform(back)
    painter.fillPath(path, hatching)


def _path(rings: Rings) -> QPainterPath:
    path = QPainterPath()
    for ring in rings:
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in ring.tolist()]))
        path.closeSubpath()
    return path
