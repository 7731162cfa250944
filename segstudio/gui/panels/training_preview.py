"""Image, truth and prediction of a training beside each other, as it goes on."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget
from shiboken6 import isValid

from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.jobs.messages import Preview
from segstudio.session.background import Background
from segstudio.session.curves import epoch_words

#: Width of the window with the enlarged pictures, pixels.
_LARGE_WIDTH = 960


class PreviewStrip(QWidget):
    """One validation image, what a person drew, and what the network sees now.

    Parameters
    ----------
    enlarges
        Whether a click shows the pictures in a window of their own.
    """

    def __init__(self, background: Background, *, enlarges: bool = True) -> None:
        super().__init__()
        self._background = background
        self._preview: Preview | None = None
        self._pictures: list[QPixmap] = []
        self._window: QDialog | None = None
        self._large: PreviewStrip | None = None
        self._enlarges = enlarges
        self._middle = self.tr("labels")
        self.setFixedHeight(0)
        self.setAccessibleName(self.tr("What the network sees now"))
        if enlarges:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def middle(self) -> str:
        """What the picture in the middle is called."""
        return self._middle

    def call_middle(self, words: str) -> None:
        """Call the picture in the middle what it is, here and enlarged."""
        self._middle = words
        self.update()
        if self._large is not None:
            self._large.call_middle(words)

    def enlarge(self) -> None:
        """Show the pictures in a window of their own, which follows the training; at most one is open."""
        if self._window is None:
            self._window, self._large = QDialog(self), PreviewStrip(self._background, enlarges=False)
            self._window.setWindowTitle(self.tr("What the network sees now"))
            self._window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self._window.finished.connect(self._forget_window)
            column = QVBoxLayout(self._window)
            column.addWidget(self._large)
            column.addStretch(1)
            self._large.call_middle(self._middle)
            margins = column.contentsMargins()
            self._large.resize(_LARGE_WIDTH - margins.left() - margins.right(), 0)
            self._large._show_pictures(self._pictures)  # at once; a newer preview follows as soon as it is read
            self._large.show_preview(self._preview)
            self._window.resize(_LARGE_WIDTH, self._large.height() + margins.top() + margins.bottom())
            self._window.show()
        else:
            self._window.raise_()
        self._window.activateWindow()

    def forget(self) -> None:
        """Show nothing any more, neither here nor enlarged: what was shown is of another project."""
        if self._window is not None:
            self._window.close()
        self.show_preview(None)

    def _forget_window(self) -> None:
        self._window = self._large = None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Enlarge at a click."""
        if self._enlarges and self._pictures:
            self.enlarge()
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enlarge with the keys that press a button."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._enlarges:
            self.enlarge()
        else:
            super().keyPressEvent(event)

    def show_preview(self, preview: Preview | None) -> None:
        """Show the three pictures as soon as they are read; the ones before stay until then."""
        if preview is self._preview:
            return
        self._preview = preview
        if self._large is not None and preview is not None:
            self._large.show_preview(preview)
        if preview is None:
            self._take(None, [])
            return
        paths = (preview.image, preview.truth, preview.prediction)
        self._background.run(
            lambda: [picture for path in paths if path and not (picture := QImage(path)).isNull()],
            lambda pictures: self._take(preview, pictures),
        )

    def _take(self, preview: Preview | None, pictures: list[QImage]) -> None:
        if not isValid(self) or preview is not self._preview:
            return  # the window with it was closed, or a newer one came meanwhile
        self.setToolTip(plain_tip(self._tip(preview)) if preview is not None else "")
        self._show_pictures([QPixmap.fromImage(picture) for picture in pictures])

    def _show_pictures(self, pictures: list[QPixmap]) -> None:
        self._pictures = pictures
        self.setFixedHeight(self._cell().height() + 20 if self._pictures else 0)
        reached = self._enlarges and bool(self._pictures)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if reached else Qt.FocusPolicy.NoFocus)
        self.update()

    def _tip(self, preview: Preview) -> str:
        when = self.tr("After epoch {0}").format(epoch_words(preview.epoch))
        says = f"{when}: {preview.caption}." if preview.caption else f"{when}."
        return f"{says} {self.tr('Click to enlarge.')}" if self._enlarges else says

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the pictures beside each other, each with its name below."""
        if not self._pictures:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(tokens().colour("secondary"))
        font = self.font()
        font.setPixelSize(FONT_SECONDARY)
        painter.setFont(font)
        cell = self._cell()
        for number, (picture, name) in enumerate(
            zip(self._pictures, (self.tr("image"), self._middle, self.tr("network")), strict=False)
        ):
            frame = QRectF(number * (cell.width() + 6), 0, cell.width(), cell.height())
            size = picture.size().scaled(frame.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            corner = frame.topLeft() + QPointF((cell.width() - size.width()) / 2, (cell.height() - size.height()) / 2)
            painter.drawPixmap(QRectF(corner, size.toSizeF()), picture, QRectF(picture.rect()))
            painter.drawText(
                QRectF(frame.left(), frame.bottom() + 2, frame.width(), 16), Qt.AlignmentFlag.AlignHCenter, name
            )
        if self.hasFocus():
            painter.setPen(tokens().colour("accent"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def sizeHint(self) -> QSize:
        """Return a size that fits the panel."""
        return QSize(280, self.height())

    def resizeEvent(self, event: object) -> None:
        """Keep the height that fits the width."""
        if self._pictures:
            self.setFixedHeight(self._cell().height() + 20)

    def _cell(self) -> QSize:
        width = max(40, (self.width() - 12) // 3)
        tallest = max((picture.height() / max(1, picture.width()) for picture in self._pictures), default=1.0)
        return QSize(width, min(2 * width, round(width * tallest)))
