"""The picture by which the program is known in the title bar and among the programs that run."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap

from segstudio.gui.theme import icon, tokens

_SIZES = (16, 24, 32, 48, 64, 128, 256)
#: Radius of the corners, and the margin around the sign, as shares of the side.
_ROUND, _MARGIN = 0.22, 0.16


def app_icon() -> QIcon:
    """Return the sign of the program in all sizes that desktops ask for; colours do not follow the theme."""
    made = QIcon()
    for size in _SIZES:
        picture = QPixmap(size, size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens().colour("accent"))
        painter.drawRoundedRect(QRectF(0, 0, size, size), _ROUND * size, _ROUND * size)
        edge = round(_MARGIN * size)
        icon("encircle", tokens().on_accent).paint(painter, picture.rect().adjusted(edge, edge, -edge, -edge))
        painter.end()
        made.addPixmap(picture)
    return made
