"""Pictures of what goes on in a network: in colours, sheer enough to lie over the image, and as large as fits."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

#: How opaque the darkest and the brightest places of a picture over the image are, of 255.
_SHEER, _DENSE = 30, 220


class LargePicture(QWidget):
    """One picture as large as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = QImage()
        self.setMinimumHeight(120)

    def show_picture(self, picture: QImage) -> None:
        """Show another one; a null one for nothing."""
        self.picture = picture
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.picture.isNull():
            return
        size = self.picture.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(
            (self.width() - size.width()) // 2, (self.height() - size.height()) // 2, size.width(), size.height()
        )
        QPainter(self).drawImage(place, self.picture)


def picture_of(array: NDArray[np.uint8]) -> QImage:
    """Return a picture ``(h, w)`` in colours that grow brighter evenly."""
    height, width = array.shape
    image = QImage(np.ascontiguousarray(array).data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable(_colours())
    return image.copy()  # the array may go


def small(array: NDArray[np.uint8], side: int) -> QImage:
    """Return a picture of at most `side` pixels; for any thread."""
    aspect, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return picture_of(array).scaled(side, side, aspect, smooth)


def sheer(image: QImage) -> QImage:
    """Return a picture through whose dark places the image below is seen."""
    made = image.copy()
    steps = [_SHEER + (_DENSE - _SHEER) * step // 255 for step in range(256)]
    made.setColorTable(
        [(colour & 0xFFFFFF) | (alpha << 24) for colour, alpha in zip(image.colorTable(), steps, strict=True)]
    )
    return made


@cache
def _colours() -> list[int]:
    """Return 256 colours that grow brighter evenly, as ``0xAARRGGBB``."""
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8), cv2.COLORMAP_VIRIDIS).reshape(256, 3)
    return [0xFF000000 | int(red) << 16 | int(green) << 8 | int(blue) for blue, green, red in table.tolist()]
