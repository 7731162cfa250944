"""One tile of the image as a pyqtgraph item. Imported with the first tile: pyqtgraph takes half a second."""

import numpy as np
from numpy.typing import NDArray
from pyqtgraph import ImageItem
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QTransform


class ImageTile(ImageItem):
    """Shades of one tile, placed in image coordinates.

    Parameters
    ----------
    shown
        (h, w) uint32, opaque colours as `packed` returns them.
    place
        Where it lies, image pixels.
    """

    def __init__(self, shown: NDArray[np.uint32], place: QRectF) -> None:
        super().__init__(axisOrder="row-major")
        self.smooth = False
        self._place = place
        self.show_shades(shown)

    def show_shades(self, shown: NDArray[np.uint32]) -> None:
        """Take new pixels of the same size."""
        self._shown = shown
        self.setImage(shown, autoLevels=False, levels=None)
        height, width = shown.shape
        transform = QTransform.fromTranslate(self._place.x(), self._place.y())
        self.setTransform(transform.scale(self._place.width() / width, self._place.height() / height))

    def render(self) -> None:
        """Wrap the pixels without a copy: they are colours already, in the format that Qt scales fastest."""
        height, width = self._shown.shape
        picture = QImage(self._shown.data, width, height, width * 4, QImage.Format.Format_RGB32)
        self.qimage = picture  # type: ignore[assignment]
        self._renderRequired = False
        self._unrenderable = False

    def paint(self, painter: QPainter, *args: object) -> None:
        """Draw sharp pixels when magnified, smooth ones when shrunk."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth)
        super().paint(painter, *args)  # type: ignore[no-untyped-call]

    def _updateView(self) -> None:
        """Ask no view for its range: the canvas is none of pyqtgraph's."""


def packed(shown: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return gray (h, w) or colour (h, w, 3) shades as opaque 32-bit colours."""
    wide = shown.astype(np.uint32)
    if shown.ndim == 2:
        return np.ascontiguousarray(wide * np.uint32(0x010101) | np.uint32(0xFF000000))
    red, green, blue = wide[..., 0], wide[..., 1], wide[..., 2]
    return np.ascontiguousarray(np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue)
