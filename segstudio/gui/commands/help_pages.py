"""Actions of the menu Help."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.command_palette import CommandPalette

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow

_PALETTE = "help.palette"


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    return [
        Action(
            _PALETTE,
            "&Help",
            "Find an action…",
            lambda: _open_palette(w),
            ("Ctrl+Shift+P",),
            "ph.magnifying-glass",
            "Command palette: every action by its name, and why a grey one cannot work",
        ),
        Action(
            "help.keys",
            "&Help",
            "Keys and mouse",
            lambda: w.help_desk.show_keys(w.actions_table),
            ("?", "Ctrl+H"),
            "ph.keyboard",
        ),
        Action(
            "help.shortcuts",
            "&Help",
            "Keyboard shortcuts…",
            lambda: w.key_settings.choose(),
            tip="Change the key of any action, or take those of another program",
        ),
        Action("help.pages", "&Help", "Help", w.help_desk.show_pages, ("F1",), "ph.question"),
        Action("help.log", "&Help", "Show log", w.help_desk.show_log, separator=True),
        Action("help.about", "&Help", "About SegStudio", w.help_desk.show_about),
    ]


def _open_palette(w: "MainWindow") -> None:
    """Open the command palette over the image, or close it."""
    palette = w.findChild(CommandPalette)
    if palette is None:
        palette = CommandPalette(w.actions_table, w.centralWidget(), w.canvas, _PALETTE)
    palette.open()
