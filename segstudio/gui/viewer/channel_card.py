"""The card of one channel: colour, contrast, gamma."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QColorDialog, QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import ElidedLabel, caption, tool_button
from segstudio.gui.theme import SPACING, tokens
from segstudio.gui.viewer.channel_chip import paint_lut
from segstudio.gui.viewer.histogram import HistogramWidget
from segstudio.session.display.channels import COLOURS, LUTS
from segstudio.session.session import Session

_WIDTH = 288


class ChannelCard(QFrame):
    """Comes up beside the name of a channel and goes with a click elsewhere; what is moved in it is seen at once.

    Parameters
    ----------
    session
        Its view state is changed: the channel in hand.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._view = session.view
        self.setProperty("role", "card")
        self.setFixedWidth(_WIDTH)
        self.histogram = HistogramWidget(session)
        self._name = ElidedLabel()
        font = self._name.font()
        font.setWeight(font.Weight.DemiBold)
        self._name.setFont(font)
        self._swatches = [_Swatch(lut, name.capitalize(), self._take) for lut, name in _offered().items()]
        other = tool_button("eyedropper", self.tr("Another colour…"), self._ask_colour)
        other.setFixedSize(26, 26)
        colours = QGridLayout()
        colours.setSpacing(4)
        for number, swatch in enumerate(self._swatches):
            line = number >= len(COLOURS)
            colours.addWidget(swatch, int(line), number - len(COLOURS) * line)
        colours.addWidget(other, 1, len(LUTS))
        colours.setColumnStretch(len(COLOURS), 1)
        says = caption(self.tr("For the eye only: training and prediction use every channel, whatever is shown."))
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(SPACING)
        column.addLayout(head)
        column.addLayout(colours)
        column.addWidget(self.histogram)
        column.addWidget(says)
        session.view.events.display.connect(self._follow)

    def show_at(self, chip: QWidget, name: str) -> None:
        """Come up over a chip."""
        self._name.setText(name)
        self._follow()
        self.adjustSize()
        place = chip.mapToGlobal(QPoint(0, -self.height() - 6))
        room = self.screen().availableGeometry()
        place.setX(min(max(place.x(), room.left()), room.right() - self.width()))
        place.setY(max(place.y(), room.top()))
        self.move(place)
        self.show()

    def _follow(self, *_: object) -> None:
        for swatch in self._swatches:
            swatch.setChecked(swatch.lut == self._view.display.channel.lut)

    def _take(self, lut: str) -> None:
        display = self._view.display
        self._view.display = display.changed(display.current, lut=lut)

    def _ask_colour(self) -> None:
        lut = self._view.display.channel.lut
        dialog = QColorDialog(QColor(lut if lut.startswith("#") else "#ffffff"), self.parentWidget())
        dialog.setObjectName("channel-colour")
        dialog.setWindowTitle(self.tr("Colour of {0}").format(self._name.accessibleName()))
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._take(colour.name()))
        self.hide()
        dialog.open()


class _Swatch(QAbstractButton):
    """A colour or look-up table to choose."""

    def __init__(self, lut: str, name: str, take: Callable[[str], object]) -> None:
        super().__init__()
        self.lut = lut
        self.setCheckable(True)
        self.setToolTip(name)
        self.setAccessibleName(name)
        self.setFixedSize(QSize(26, 26))
        self.clicked.connect(lambda _checked=False: take(lut))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the colour, with a ring around the chosen one."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(self.rect())
        if self.isChecked() or self.hasFocus() or self.underMouse():
            painter.setPen(tokens().colour("accent" if self.isChecked() else "secondary"))
            painter.drawEllipse(place.adjusted(1.5, 1.5, -1.5, -1.5))
        paint_lut(painter, place.adjusted(5, 5, -5, -5), self.lut)


def _offered() -> dict[str, str]:
    return {**COLOURS, **{lut: lut for lut in LUTS}}
