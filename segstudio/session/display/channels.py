"""What a user sets of each channel of an image: colour, shown or not, contrast, gamma."""

from dataclasses import dataclass, replace
from typing import Final, Self

from segstudio.core.axes import ImageInfo

Contrast = tuple[float, float]

#: Names of the look-up tables beside plain colours, as people know them.
LUTS: Final = ("viridis", "magma", "inferno", "cividis", "turbo")
#: Plain colours that are offered; the first ones are given to channels of which nobody says anything.
COLOURS: Final = {
    "#00ffff": "cyan",
    "#ff00ff": "magenta",
    "#ffff00": "yellow",
    "#ff0000": "red",
    "#00ff00": "green",
    "#0060ff": "blue",
    "#ff8000": "orange",
    "#ffffff": "gray",
}
#: Given in this order when there are two channels, and when one is blue: beside it cyan is hard to tell.
_BESIDE_BLUE = ("#00ff00", "#ff00ff", "#ffff00", "#ff0000", "#00ffff", "#ff8000")
#: An image with more channels shows one at first: added up they are one white.
_MOST_ADDED = 8
_GRAY = "#ffffff"
#: Parts of names that tell what a channel is, and the colour that it is mostly given.
_KNOWN: Final = (
    (("dapi", "hoechst", "405", "cfp"), "#0060ff"),
    (("gfp", "fitc", "488", "alexa 488"), "#00ff00"),
    (("yfp", "cy3", "tritc"), "#ffff00"),
    (("rfp", "mcherry", "tdtomato", "561", "568", "594", "texas"), "#ff0000"),
    (("cy5", "633", "640", "647"), "#ff00ff"),
    (("bright", "phase", "dic", "transm", "tl "), _GRAY),
)


@dataclass(frozen=True, slots=True)
class ChannelDisplay:
    """How one channel is displayed.

    Attributes
    ----------
    lut
        Colour of its brightest pixels, ``"#rrggbb"``, or one of `LUTS`.
    contrast
        Pixel values at the dark and at the bright end; ``None`` takes percentiles of the image.
    gamma
        Above 1 brightens the dark parts.
    """

    lut: str = _GRAY
    visible: bool = True
    contrast: Contrast | None = None
    gamma: float = 1.0

    @property
    def automatic(self) -> bool:
        """Whether contrast and gamma are those that the program chooses."""
        return self.contrast is None and self.gamma == 1.0


@dataclass(frozen=True, slots=True)
class ImageDisplay:
    """How an image is displayed.

    Attributes
    ----------
    channels
        One for a gray or a colour image.
    current
        Number of the channel whose contrast is being set; in the single view the one that is seen.
    composite
        Whether all visible channels are added up; one alone is seen otherwise.
    """

    channels: tuple[ChannelDisplay, ...] = (ChannelDisplay(),)
    current: int = 0
    composite: bool = True

    @property
    def channel(self) -> ChannelDisplay:
        """The channel whose contrast is being set."""
        return self.channels[self.current]

    @property
    def drawn(self) -> tuple[int, ...]:
        """Numbers of the channels that are seen."""
        if not self.composite:
            return (self.current,)
        return tuple(number for number, channel in enumerate(self.channels) if channel.visible)

    @property
    def automatic(self) -> bool:
        """Whether every channel has the contrast that the program chooses."""
        return all(channel.automatic for channel in self.channels)

    def changed(self, number: int, **values: object) -> Self:
        """Return the display with other values of one channel."""
        channels = list(self.channels)
        channels[number] = replace(channels[number], **values)  # type: ignore[arg-type]
        return replace(self, channels=tuple(channels))

    def turned_to(self, number: int) -> Self:
        """Return the display with another channel in hand."""
        return replace(self, current=min(max(number, 0), len(self.channels) - 1))

    def pressed(self, number: int) -> Self:
        """Return the display after the key of a channel: it is shown or hidden, or in the single view chosen."""
        if not 0 <= number < len(self.channels):
            return self
        turned = self.turned_to(number)
        return turned.changed(number, visible=not self.channels[number].visible) if self.composite else turned

    def reset(self) -> Self:
        """Return the display with automatic contrast in every channel."""
        return replace(self, channels=tuple(replace(item, contrast=None, gamma=1.0) for item in self.channels))


def default_display(info: ImageInfo) -> ImageDisplay:
    """Return how an image is displayed at first: by its file, by the names of its channels, and else by a rule.

    Examples
    --------
    >>> from pathlib import Path
    >>> names = ("DAPI", "actin", "brightfield")
    >>> info = ImageInfo(Path("a.tif"), 4, 4, 3, "uint16", "channels", "CYX", (3, 4, 4), "TIFF", channel_names=names)
    >>> [channel.lut for channel in default_display(info).channels]
    ['#0060ff', '#00ffff', '#ffffff']
    """
    if info.kind != "channels":
        return ImageDisplay()
    said = info.channel_colours
    names = [name.lower() for name in info.channel_names] or [""] * info.channels
    luts = [(said[number] if said else "") or _by_name(names[number]) for number in range(info.channels)]
    order = _BESIDE_BLUE if info.channels == 2 or "#0060ff" in luts else COLOURS
    rest = iter(colour for colour in order if colour not in luts and colour != _GRAY)
    # Transmitted light is bright everywhere: added to the others it would hide them.
    light = [_by_name(name) == _GRAY for name in names]
    hidden = light if not all(light) else [False] * info.channels
    return ImageDisplay(
        tuple(ChannelDisplay(lut or next(rest, _GRAY), not hide) for lut, hide in zip(luts, hidden, strict=True)),
        current=hidden.index(False),
        composite=info.channels <= _MOST_ADDED,
    )


def channel_names(info: ImageInfo) -> tuple[str, ...]:
    """Return what the channels of an image are called; their numbers, from 1, where the file gives no names."""
    if info.channel_names:
        return info.channel_names
    return tuple(f"Channel {number + 1}" for number in range(info.channels))


def _by_name(name: str) -> str:
    return next((colour for parts, colour in _KNOWN if any(part in name for part in parts)), "")
