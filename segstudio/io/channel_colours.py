"""Which colours a file gives its channels."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Any

import numpy as np
import tifffile

#: TIFF tag of what ImageJ stores beside its description: look-up tables, display ranges, labels.
_IMAGEJ_METADATA = 50839
_WHITE = "#ffffff"


def imagej_colours(page: tifffile.TiffPage, channels: int) -> tuple[str, ...]:
    """Return ``"#rrggbb"`` of each channel by ImageJ's look-up tables: the colour of the brightest value.

    Parameters
    ----------
    page
        The first page of the file.
    channels
        How many channels the image has.

    Returns
    -------
    Nothing when there is not a table for each channel.
    """
    stored = page.tags.valueof(_IMAGEJ_METADATA)
    tables: Any = stored.get("LUTs") if isinstance(stored, dict) else None
    if tables is None or len(tables) != channels:
        return ()
    arrays = [np.asarray(table) for table in tables]
    if any(table.shape != (3, 256) or table.dtype != np.uint8 for table in arrays):
        return ()
    return tuple("#" + bytes(table[:, -1].tolist()).hex() for table in arrays)


def ome_colours(channels: Iterable[ET.Element]) -> tuple[str, ...]:
    """Return ``"#rrggbb"`` of each OME channel, empty for one that has none.

    Nothing when all are white: that is what writers store that know of no colour.
    """
    found = tuple(_ome_colour(channel.get("Color", "")) for channel in channels)
    return () if all(colour in ("", _WHITE) for colour in found) else found


def _ome_colour(text: str) -> str:
    """Return a colour that is stored as a signed number of 32 bits, red in the highest byte, alpha in the lowest."""
    try:
        number = int(text) if len(text) < 20 else None
    except ValueError:
        return ""
    return "" if number is None else f"#{(number & 0xFFFFFFFF) >> 8:06x}"
