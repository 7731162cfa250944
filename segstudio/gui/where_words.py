"""Words of the status bar: the object under the pointer, and which channels are seen."""

from math import isfinite

from segstudio.core.axes import ImageInfo
from segstudio.session.object_list import Row

_COLOURS = ("red", "green", "blue")


def size_words(row: Row | None, unit: str) -> list[str]:
    """Return area and length × width of an object with their unit; nothing before they are measured."""
    if row is None or not isfinite(row.area):
        return []
    area = f"{row.area:.0f} {unit}²" if unit == "px" or row.area >= 1000 else f"{row.area:.3g} {unit}²"
    if not (isfinite(row.length) and isfinite(row.width)):
        return [area]
    return [area, f"{row.length:.1f} × {row.width:.1f} {unit}"]


def channel_words(info: ImageInfo) -> tuple[str, str]:
    """Return which channels of an image are shown in which colours, short and at length; empty for gray and colour."""
    if info.kind != "channels":
        return "", ""
    seen = min(info.channels, len(_COLOURS))
    names = [info.channel_names[i] if i < len(info.channel_names) else str(i + 1) for i in range(info.channels)]
    colours = " ".join(colour[0].upper() for colour in _COLOURS[:seen])
    short = f"channels 1–{seen} of {info.channels} as {colours}"
    rows = [f"{colour.capitalize()}: channel {name}" for colour, name in zip(_COLOURS, names, strict=False)]
    if info.channels > seen:
        rows.append(f"Not shown, but measured: {', '.join(names[seen:])}")
    return short, "\n".join(rows)
