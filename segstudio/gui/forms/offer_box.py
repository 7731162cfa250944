"""A choice among plug-ins: in groups, each with the sentence that says what it is for."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QStandardItemModel
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from segstudio.gui.forms.editors import CalmComboBox
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.jobs.catalogue import Offer

_SENTENCE = Qt.ItemDataRole.UserRole + 1
#: Width of the open list, and room around the words of an entry, pixels.
_WIDTH, _ASIDE, _ABOVE = 400, 10, 6
#: Width of a scroll bar with the frame of the list.
_BAR = 24
_MOST_SHOWN = 12
_HIGH, _LOW = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
_WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


class OfferBox(CalmComboBox):
    """Chooses one of the plug-ins by its name; the open list tells what each is for.

    The keys work as in every choice: letters jump to a title, arrows pass over the names of groups.
    """

    def __init__(self) -> None:
        super().__init__()
        # A list that scrolls; the other kind covers the screen with entries as tall as these.
        self.setStyleSheet("QComboBox { combobox-popup: 0; }")
        self.setMaxVisibleItems(_MOST_SHOWN)
        self.setItemDelegate(_Entries(self))
        self.view().setMinimumWidth(_WIDTH)
        self.view().setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view().setVerticalScrollMode(self.view().ScrollMode.ScrollPerPixel)

    def show_offers(self, groups: Mapping[str, Sequence[Offer]], first: str) -> None:
        """Offer others. What was chosen stays, else `first` is, else the first there is.

        A group called ``""`` has no heading; an empty one is left out.
        """
        there = [offer.name for offers in groups.values() for offer in offers]
        chosen = next((name for name in (self.currentData(), first, *there) if name in there), None)
        self.blockSignals(True)
        self.clear()
        for title, offers in groups.items():
            if title and offers:
                self.addItem(self.tr(title))
                model = self.model()
                if isinstance(model, QStandardItemModel):
                    model.item(self.count() - 1).setFlags(Qt.ItemFlag.NoItemFlags)
            for offer in offers:
                self.addItem(offer.title, offer.name)
                self.setItemData(self.count() - 1, offer.description, _SENTENCE)
        self.setCurrentIndex(-1 if chosen is None else self.findData(chosen))
        self.blockSignals(False)
        more = self.count() > _MOST_SHOWN
        policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOn if more else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.view().setVerticalScrollBarPolicy(policy)  # Qt shows none of its own accord: nobody would look for more


class _Entries(QStyledItemDelegate):
    """Draws the title of an entry and below it its sentence."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        title, small = _fonts(option)
        sentence = str(index.data(_SENTENCE) or "")
        height = QFontMetrics(title).height() + 2 * _ABOVE
        if sentence:
            room = QRect(0, 0, _WIDTH - 2 * _ASIDE - _BAR, 10_000)
            height += 2 + QFontMetrics(small).boundingRect(room, _WRAP, sentence).height()
        return QSize(_WIDTH, height)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        title, small = _fonts(option)
        heading = not index.flags() & Qt.ItemFlag.ItemIsEnabled
        chosen = (
            bool(option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver)) and not heading
        )
        colours = tokens()
        painter.save()
        if chosen:
            painter.fillRect(option.rect, colours.colour("accent"))
        place = option.rect.adjusted(_ASIDE, _ABOVE, -_ASIDE, -_ABOVE)
        painter.setFont(small if heading else title)
        painter.setPen(colours.colour("secondary" if heading else "on_accent" if chosen else "text"))
        words = str(index.data(Qt.ItemDataRole.DisplayRole))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft | (_LOW if heading else _HIGH)), words)
        sentence = str(index.data(_SENTENCE) or "")
        if sentence:
            painter.setFont(small)
            painter.setPen(colours.colour("on_accent" if chosen else "secondary"))
            painter.drawText(place.adjusted(0, QFontMetrics(title).height() + 2, 0, _ABOVE), _WRAP, sentence)
        painter.restore()


def _fonts(option: QStyleOptionViewItem) -> tuple[QFont, QFont]:
    title, small = QFont(option.font), QFont(option.font)
    small.setPixelSize(FONT_SECONDARY)
    return title, small
