"""When actions can work."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def has_project_now(w: "MainWindow") -> Callable[[], bool]:
    """Return a function that tells whether a project is open."""
    return lambda: w.session.project is not None


def has_document_now(w: "MainWindow") -> Callable[[], bool]:
    """Return a function that tells whether an image is open."""
    return lambda: w.session.document is not None


def can_write_now(w: "MainWindow") -> Callable[[], bool]:
    """Return a function that tells whether a project is open that may be changed."""
    return lambda: w.session.project is not None and not w.session.project.read_only


def can_edit_now(w: "MainWindow") -> Callable[[], bool]:
    """Return a function that tells whether an image is open whose labels may be changed."""
    return lambda: w.session.document is not None and not w.session.document.read_only
