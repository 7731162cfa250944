"""Words of the status bar: the object under the pointer, and which channels are seen."""

from math import isfinite

from segstudio.core.axes import ImageInfo
from segstudio.session.display.channels import COLOURS, ImageDisplay, channel_names
from segstudio.session.object_rows import Row


def size_words(row: Row | None, unit: str) -> list[str]:
    """Return area and length × width of an object with their unit; nothing before they are measured."""
    if row is None or not isfinite(row.area):
        return []
    area = f"{row.area:.0f} {unit}²" if unit == "px" or row.area >= 1000 else f"{row.area:.3g} {unit}²"
    if not (isfinite(row.length) and isfinite(row.width)):
        return [area]
    return [area, f"{row.length:.1f} × {row.width:.1f} {unit}"]


def channel_words(info: ImageInfo, display: ImageDisplay) -> tuple[str, str]:
    """Return which channels of an image are shown in which colours, short and at length; empty for gray and colour."""
    if info.kind != "channels" or len(display.channels) != info.channels:
        return "", ""
    names, drawn = channel_names(info), display.drawn
    short = f"{names[drawn[0]]} alone" if not display.composite else f"{len(drawn)} of {info.channels} channels shown"
    rows = [f"{names[number]}: {_colour(display.channels[number].lut)}" for number in drawn]
    hidden = [name for number, name in enumerate(names) if number not in drawn]
    if hidden:
        rows.append(f"Not shown, but learned from and measured: {', '.join(hidden)}")
    return short, "\n".join(rows)


def _colour(lut: str) -> str:
    return COLOURS.get(lut, lut)
