"""Actions of the menu Help."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    return [
        Action(
            "help.keys",
            "&Help",
            "Keys and mouse",
            lambda: w.help_desk.show_keys(w.actions_table),
            ("?", "Ctrl+H"),
            "ph.keyboard",
        ),
        Action("help.pages", "&Help", "Help", w.help_desk.show_pages, ("F1",), "ph.question"),
        Action("help.log", "&Help", "Show log", w.help_desk.show_log, separator=True),
        Action("help.about", "&Help", "About SegStudio", w.help_desk.show_about),
    ]
