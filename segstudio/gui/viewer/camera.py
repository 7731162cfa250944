"""Where the image lies on the screen: pure arithmetic between image and screen coordinates."""

import math
from dataclasses import dataclass

from segstudio.core.tiles import Window

#: Screen pixels per image pixel.
SCALE_MIN, SCALE_MAX = 1 / 256, 64.0


@dataclass(frozen=True, slots=True)
class Camera:
    """Image point ``(x, y)`` lies at ``(x * scale + left, y * scale + top)``, in logical screen pixels."""

    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Return where an image point lies on the screen."""
        return x * self.scale + self.left, y * self.scale + self.top

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Return the image point under a screen point."""
        return (x - self.left) / self.scale, (y - self.top) / self.scale

    def moved(self, dx: float, dy: float) -> "Camera":
        """Return the camera after the picture was pushed by screen pixels."""
        return Camera(self.scale, self.left + dx, self.top + dy)

    def zoomed(self, factor: float, x: float, y: float) -> "Camera":
        """Return the camera magnified by `factor`; the image point under the screen point ``(x, y)`` stays."""
        # Rounded, so that going back to 1 : 1 is exactly 1.
        scale = round(min(max(self.scale * factor, SCALE_MIN), SCALE_MAX), 9)
        ix, iy = self.to_image(x, y)
        return Camera(scale, x - ix * scale, y - iy * scale)

    def snapped(self, ratio: float) -> "Camera":
        """Return the camera with its origin on a device pixel, so that tiles are copied without blur."""
        return Camera(self.scale, round(self.left * ratio) / ratio, round(self.top * ratio) / ratio)

    def visible(self, width: float, height: float, shape: tuple[int, int]) -> Window:
        """Return the image pixels that a screen of that size shows."""
        x0, y0 = self.to_image(0, 0)
        x1, y1 = self.to_image(width, height)
        return Window(math.floor(y0), math.floor(x0), math.ceil(y1), math.ceil(x1)).clip(shape)

    @classmethod
    def showing(cls, window: Window, width: float, height: float, margin: float = 0.0) -> "Camera":
        """Return the camera that shows `window` in the middle, as large as fits, with a margin of screen pixels."""
        room = max(width - 2 * margin, 1.0), max(height - 2 * margin, 1.0)
        scale = min(room[0] / max(window.width, 1), room[1] / max(window.height, 1))
        return cls(min(max(scale, SCALE_MIN), SCALE_MAX)).centred(window, width, height)

    def centred(self, window: Window, width: float, height: float) -> "Camera":
        """Return the camera of the same scale with the middle of `window` in the middle of the screen."""
        return self.aimed((window.x0 + window.x1) / 2, (window.y0 + window.y1) / 2, width, height)

    def aimed(self, x: float, y: float, width: float, height: float) -> "Camera":
        """Return the camera of the same scale with an image point in the middle of the screen."""
        return Camera(self.scale, width / 2 - x * self.scale, height / 2 - y * self.scale)

    def filled(self, whole: Window, width: float, height: float, margin: float = 0.0) -> "Camera":
        """Return the camera of the same scale, pushed so that no ground shows where `whole` could be instead."""
        left = _pushed(self.left + whole.x0 * self.scale, whole.width * self.scale, width, margin)
        top = _pushed(self.top + whole.y0 * self.scale, whole.height * self.scale, height, margin)
        return Camera(self.scale, left - whole.x0 * self.scale, top - whole.y0 * self.scale)


def _pushed(start: float, size: float, room: float, margin: float) -> float:
    """Return where something of `size` begins that covers `room` as far as it can."""
    if size + 2 * margin <= room:
        return (room - size) / 2
    return min(max(start, room - size - margin), margin)
