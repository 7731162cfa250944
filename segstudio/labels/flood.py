"""The connected area around a pixel, found without reading more of the image than it reaches."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.transaction import Transaction

#: A fill stops here: what is larger was not meant to be filled.
FILL_LIMIT = 4096 * 4096


def connected(tx: Transaction, y: int, x: int, value: int) -> tuple[Window, NDArray[np.bool_]]:
    """Return the connected area of `value` at a pixel: a window that holds it, and where in the window it is.

    Raises
    ------
    UserError
        It is empty (`value` is 0) and covers more than half of the image or `FILL_LIMIT` pixels.
    """
    whole = Window.whole(tx.shape)
    reach = 128
    while True:
        window = Window(y, x, y + 1, x + 1).grow(reach).clip(tx.shape)
        image = (tx.read("labels", window) == value).astype(np.uint8)
        cv2.floodFill(image, None, (x - window.x0, y - window.y0), (2.0,), flags=4)
        mask = image == 2
        area = int(np.count_nonzero(mask))
        if value == 0 and (area > FILL_LIMIT or 2 * area > whole.height * whole.width):
            raise UserError(
                "No outline encloses the area that was clicked.",
                hint="Close the outline of the object first, or zoom in and click inside of it.",
                code="area-not-closed",
            )
        if window == whole or not _reaches_border(mask, window, whole):
            return window, mask
        reach *= 2


def _reaches_border(mask: NDArray[np.bool_], window: Window, whole: Window) -> bool:
    """Whether an area touches an edge of `window` that is not an edge of the image."""
    return bool(
        (window.y0 > whole.y0 and mask[0].any())
        or (window.y1 < whole.y1 and mask[-1].any())
        or (window.x0 > whole.x0 and mask[:, 0].any())
        or (window.x1 < whole.x1 and mask[:, -1].any())
    )
