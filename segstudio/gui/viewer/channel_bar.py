"""The channels of the image, in a line under the canvas."""

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QFrame, QHBoxLayout, QPushButton, QScrollArea, QWidget

from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.keys_in_use import in_brackets, name_keys
from segstudio.gui.viewer.channel_card import ChannelCard
from segstudio.gui.viewer.channel_chip import ChannelChip
from segstudio.session.display.channels import channel_names
from segstudio.session.session import Session

_HEIGHT = 36
#: Of more channels only the one in hand has a chip, and a list leads to it.
_MOST_CHIPS = 24
_COMPOSITE, _SINGLE = range(2)


class ChannelBar(QWidget):
    """Shows and hides channels, and leads to colour and contrast of each; not there for gray and colour images.

    Parameters
    ----------
    session
        Says what is seen; its view state is changed.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._names: tuple[str, ...] = ()
        self._chips: dict[int, ChannelChip] = {}
        self._choice = QComboBox()
        self._choice.setAccessibleName(self.tr("Channel"))
        self._choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._choice.activated.connect(self._turn_to)
        self._choice.hide()
        self.card = ChannelCard(session, self)
        self._line = QWidget()
        self._row = QHBoxLayout(self._line)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.addStretch(1)
        area = QScrollArea()
        area.setProperty("role", "bare")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._line)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._modes = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(4)
        row.addWidget(self._choice)
        row.addWidget(area, 1)
        row.addSpacing(8)
        for number, words, tip in (
            (_COMPOSITE, self.tr("Composite"), self.tr("The visible channels added up, each in its colour")),
            (_SINGLE, self.tr("Single"), self.tr("One channel alone, in gray or with its look-up table")),
        ):
            button = QPushButton(words)
            button.setCheckable(True)
            button.setProperty("role", "quiet")
            button.setToolTip(tip)
            button.setFixedHeight(26)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._modes.addButton(button, number)
            row.addWidget(button)
        self._modes.idClicked.connect(self._on_mode)
        self.setFixedHeight(_HEIGHT)
        self.setObjectName("channel-bar")
        session.document_changed.connect(self._rebuild)
        session.made.changed.connect(self._rebuild)
        session.view.events.display.connect(self._follow)
        self.hide()

    def _rebuild(self, *_: object) -> None:
        source = self._session.made.seen
        several = source is not None and source.info.kind == "channels"
        names = channel_names(source.info) if source is not None and several else ()
        if names != self._names:
            self.card.hide()
            self._names = names
            self._choice.clear()
            self._choice.addItems(names if len(names) > _MOST_CHIPS else ())
            self._choice.setVisible(len(names) > _MOST_CHIPS)
            self._fill(range(len(names)) if len(names) <= _MOST_CHIPS else ())
            self.setVisible(bool(names))
        self._follow()

    def _fill(self, numbers: Iterable[int]) -> None:
        for chip in self._chips.values():
            self._row.removeWidget(chip)
            chip.deleteLater()
        self._chips = {number: self._chip(place, number) for place, number in enumerate(numbers)}

    def _chip(self, place: int, number: int) -> ChannelChip:
        name = self._names[number]
        chip = ChannelChip(name, self._line)
        tip = self.tr("Show or hide {0}{1}; the arrow leads to colour and contrast")
        name_keys(chip, lambda: chip.setToolTip(plain_tip(tip.format(name, self._key(number)))))
        chip.clicked.connect(lambda _checked=False: self._press(number))
        chip.opened.connect(lambda: self._open(number))
        self._row.insertWidget(place, chip)
        chip.show()
        return chip

    def hideEvent(self, event: QHideEvent) -> None:
        """Take the card along: it is a window of its own."""
        self.card.hide()
        super().hideEvent(event)

    @staticmethod
    def _key(number: int) -> str:
        return in_brackets(f"view.channel_{number + 1}")

    def _follow(self, *_: object) -> None:
        display = self._session.view.display
        self._modes.button(_COMPOSITE if display.composite else _SINGLE).setChecked(True)
        if len(display.channels) != len(self._names):
            return
        if self._choice.count():
            self._choice.setCurrentIndex(display.current)
            if display.current not in self._chips:
                self._fill((display.current,))
        for number, chip in self._chips.items():
            lut, drawn = display.channels[number].lut, number in display.drawn
            chip.show_channel(lut, drawn=drawn, current=number == display.current)

    def _press(self, number: int) -> None:
        view = self._session.view
        view.display = view.display.pressed(number)

    def _turn_to(self, number: int) -> None:
        view = self._session.view
        view.display = view.display.turned_to(number)

    def _open(self, number: int) -> None:
        self._turn_to(number)
        self.card.show_at(self._chips[number], self._names[number])

    def _on_mode(self, mode: int) -> None:
        view = self._session.view
        view.display = replace(view.display, composite=mode == _COMPOSITE)
