"""Which actions there are, and which verb of the window each one calls: one menu a file."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands import channels, colours, edit, file, help_pages, image, learn, objects, shapes, tools, view

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def all_actions(window: "MainWindow") -> tuple[Action, ...]:
    """Return every action of the window, menu by menu."""
    menus = (file, edit, shapes, objects, tools, view, channels, colours, image, learn, help_pages)
    return tuple(action for menu in menus for action in menu.actions(window))
