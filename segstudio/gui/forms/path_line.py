"""The field for a path, which shows all of it where there is room."""

from PySide6.QtWidgets import QLineEdit, QWidget

from segstudio.gui.forms.plain import plain_tip

#: The widest that it asks to be, and what frame and cursor take of it, pixels.
_MOST_WIDTH, _FRAME = 480, 24


class PathLine(QLineEdit):
    """As wide as its path, up to a limit; the tooltip has the whole path."""

    def __init__(self, path: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.textChanged.connect(self._fit)
        self.setText(path)

    def _fit(self, path: str) -> None:
        self.setToolTip(plain_tip(path))
        wanted = self.fontMetrics().horizontalAdvance(path) + _FRAME
        self.setMinimumWidth(min(max(wanted, self.minimumWidth()), _MOST_WIDTH))
