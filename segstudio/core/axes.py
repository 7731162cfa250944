"""What an image is: axes, size, type and pixel size."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["gray", "rgb", "channels"]


@dataclass(frozen=True, slots=True)
class PixelSize:
    """Size of one pixel in micrometres."""

    y: float
    x: float

    @property
    def mean(self) -> float:
        """Geometric mean, for lengths in any direction."""
        return float((self.y * self.x) ** 0.5)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the program makes of an image file, without reading its pixels.

    Attributes
    ----------
    height, width
        Size of a plane, pixels.
    channels
        1 for gray; what ``read`` returns as last axis otherwise.
    dtype
        numpy name of the stored type, as ``"uint16"``.
    kind
        ``"gray"``, ``"rgb"`` (8-bit or 16-bit colour) or ``"channels"``.
    axes
        Letters of the stored axes, as ``"YX"``, ``"YXS"``, ``"TYX"``.
    shape
        Stored shape, one number per letter of `axes`.
    planes
        Number of planes along all axes but Y, X and channels; 1 for a flat image.
    pixel_size
        In micrometres, ``None`` when the file does not say.
    warnings
        Sentences the user should see, as "2 more channels are not shown".
    channel_colours
        ``"#rrggbb"`` of each channel as the file says, empty for one of which it does not; none where it says nothing.
    inverted
        The file says that 0 is white, as some scanners do: shown so, while ``read`` gives the stored values.
    sure
        The file says what its axes mean; else their meaning is to be confirmed.
    """

    path: Path
    height: int
    width: int
    channels: int
    dtype: str
    kind: Kind
    axes: str
    shape: tuple[int, ...]
    format: str
    planes: int = 1
    pixel_size: PixelSize | None = None
    channel_names: tuple[str, ...] = ()
    channel_colours: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    inverted: bool = False
    sure: bool = True

    @property
    def first_only(self) -> str:
        """Sentence for those who look at the first plane alone; empty for a flat image."""
        return f"Of its {self.planes:,} planes only the first one is used." if self.planes > 1 else ""

    @property
    def stack(self) -> tuple[str, tuple[int, ...]]:
        """Letters and sizes of the axes along which planes lie, slowest first; empty for a flat image."""
        along = [(letter, size) for letter, size in zip(self.axes, self.shape, strict=False) if letter not in "YXS"]
        if along and self.channels > 1 and along[-1][0] == "C":
            along.pop()
        if self.planes == 1:
            return "", ()
        return "".join(letter for letter, _ in along), tuple(size for _, size in along)

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.height, self.width


def place_words(axes: str, sizes: tuple[int, ...], plane: int) -> str:
    """Return where in a stack a plane lies, for the name of a file, as ``"_t02_z017"``; nothing for a flat image.

    Parameters
    ----------
    axes, sizes
        Letters and lengths of the axes along which planes lie, slowest first.
    """
    words = []
    for letter, size in zip(reversed(axes), reversed(sizes), strict=True):
        plane, at = divmod(plane, size)
        words.append(f"_{letter.lower()}{at + 1:0{len(str(size))}d}")
    return "".join(reversed(words))
