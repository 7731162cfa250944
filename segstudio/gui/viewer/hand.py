"""The tool in the hand: pointer events become edits."""

from collections.abc import Callable

from PySide6.QtCore import Qt

from segstudio.gui.viewer.decoration import Sketch
from segstudio.project.document import ImageDocument
from segstudio.session.session import Session

#: Tools whose cursor is a circle of the size of the brush.
BRUSHES = frozenset({"brush", "erase", "region"})


class Hand:
    """Feeds the tool that the view state names."""

    running = False
    has_points = False

    def __init__(
        self, session: Session, show: Callable[[tuple[Sketch, ...]], None], message: Callable[[str], object]
    ) -> None:
        self._session = session
        self._show = show
        self._message = message
        self._document: ImageDocument | None = None

    def set_document(self, document: ImageDocument | None) -> None:
        """Work on another document."""
        self._document = document

    def change_tool(self) -> None:
        """Take the tool of the view state."""

    def press(self, x: float, y: float, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier, scale: float) -> None:
        """Take a press at an image point."""

    move = release = double = press

    def click(self, x: float, y: float, modifiers: Qt.KeyboardModifier, scale: float) -> None:
        """Take a click in select mode."""

    def key(self, name: str, modifiers: Qt.KeyboardModifier) -> None:
        """Take a key."""
