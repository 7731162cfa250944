"""Keys of other programs for whoever has them in the hand: only what differs from our own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Keys = Mapping[str, tuple[str, ...]]

_CLASSES = {f"edit.class_{number}": (f"Ctrl+Alt+{number}",) for number in (1, 2, 4, 5, 6, 7, 8, 9)}

#: Keys by the id of the action, for each program; a key that one of them takes is taken from our own.
PRESETS: Final[Mapping[str, Keys]] = MappingProxyType(
    {
        "SegStudio": {},
        "Cellpose": {
            "file.open_folder": ("Ctrl+L", "Ctrl+O"),
            "file.import_masks": ("Ctrl+M",),
            "edit.merge": ("Ctrl+Shift+M",),
            "image.complete": ("Ctrl+Shift+L",),
        },
        "napari": {
            "tool.select": ("Z", "6"),
            "tool.lasso": ("Shift+Z",),
            "tool.brush": ("P", "2"),
            "tool.erase": ("E", "1"),
            "tool.fill": ("F", "4"),
            "tool.pick": ("L", "5"),
            "edit.protect": ("B",),
            "edit.redo": ("Ctrl+Shift+Z", "Ctrl+Y"),
            "view.fill": ("V",),
            "view.contours": ("Shift+V",),
            "image.previous": ("A",),
            "image.next": ("D",),
            "image.previous_plane": ("Left", "PgUp"),
            "image.next_plane": ("Right", "PgDown"),
            **_CLASSES,
        },
        "QuPath": {
            "tool.select": ("M", "V"),
            "tool.brush": ("B",),
            "tool.polygon": ("P", "Ctrl+N"),
            "tool.fill": ("Shift+B",),
            "tool.wand": ("W", "N"),
            "tool.outline_in_box": ("Shift+P",),
            "tool.edit_outline": ("Shift+L",),
            "view.regions": ("Shift+W",),
            "edit.new_object": ("Shift+N",),
            "edit.redo": ("Ctrl+Shift+Z", "Ctrl+Y"),
            "view.fill": ("F",),
            "view.contours": ("A", "D"),
            "image.previous": ("Left",),
            "image.next": ("Right",),
            "image.complete": ("Ctrl+Shift+L",),
            "help.palette": ("Ctrl+L", "Ctrl+Shift+P"),
        },
    }
)
