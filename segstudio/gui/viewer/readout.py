"""What lies under the pointer: place, pixel value in words, object; values that are not loaded come later."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio.core.tiles import Window
from segstudio.gui.viewer.pictures import Pictures
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.project.document import ImageDocument


class Readout(QObject):
    """Reads one place of an image at a time.

    Parameters
    ----------
    pictures
        What is seen; has the values of the tiles that are loaded.
    loader
        Reads other values on its threads, channel ``"value"``.
    """

    read = Signal(float, float, str, int)
    """Image x, y, pixel value in words, object id; ``(-1, -1, "", 0)`` beside the image."""

    def __init__(self, pictures: Pictures, loader: TileLoader, parent: QObject) -> None:
        super().__init__(parent)
        self._pictures, self._loader = pictures, loader
        self._last: tuple[ImageDocument, float, float] | None = None

    def forget(self) -> None:
        """Drop the value that is being read, and the place."""
        self._loader.restart("value")
        self._last = None

    def again(self) -> None:
        """Tell what lies at the same point in what is seen now."""
        if self._last is not None:
            self.point(*self._last)

    def point(self, document: ImageDocument, x: float, y: float) -> None:
        """Tell what lies at a point of the image."""
        row, column = int(np.floor(y)), int(np.floor(x))
        height, width = document.planes.shape
        if not (0 <= row < height and 0 <= column < width):
            self.leave()
            return
        self._last = document, x, y
        object_id = document.planes.labels.value(row, column)
        layer = self._pictures.seen
        value, source, plane = layer.value(row, column), layer.source, document.plane
        self._loader.restart("value")
        self.read.emit(x, y, _in_words(value), object_id)
        if value is None and source is not None:
            window = Window(row, column, row + 1, column + 1)
            self._loader.load(
                "value",
                window,
                lambda: source.read(window, plane),
                lambda pixels: self.read.emit(x, y, _in_words(np.asarray(pixels[0, 0])), object_id),
            )

    def leave(self) -> None:
        """Tell that the pointer is beside the image."""
        self._last = None
        self.read.emit(-1.0, -1.0, "", 0)


def _in_words(value: NDArray[Any] | None) -> str:
    """Return a pixel value for the status bar: ``"1432"``, ``"0.031"`` or ``"12, 40, 200"``."""
    if value is None:
        return ""
    return ", ".join(f"{item:.4g}" if value.dtype.kind == "f" else str(item) for item in np.ravel(value).tolist())
