"""What restoring one earlier state would change: a picture, and how many objects come back, go, change and stay."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from segstudio.gui.dialogs.history_rows import pixmap_of, rgb
from segstudio.gui.forms.parts import caption, heading
from segstudio.gui.theme import SPACING, tokens
from segstudio.session.earlier_states import Preview, Shades
from segstudio.session.label_picture import Shade

_CHIP = 16


def shades() -> Shades:
    """Return how the groups of objects are drawn; hatching tells what goes where colours do not."""
    colours = tokens()
    return Shades(
        same=Shade(rgb(colours.canvas["bright"]), 0.08),
        back=Shade(rgb(colours.errors["split"]), 0.55),
        gone=Shade(rgb(colours.errors["missed"]), 0.8, hatched=True),
        other=Shade(rgb(colours.errors["false"]), 0.55),
    )


class HistoryPreview(QWidget):
    """Picture, title, and a legend with counts."""

    def __init__(self) -> None:
        super().__init__()
        self.title = heading("")
        self.says = caption(role="")
        self._picture = _Picture()
        self._counts = {name: _Count(name) for name in ("back", "gone", "other", "same")}
        legend = QHBoxLayout()
        legend.setSpacing(2 * SPACING)
        for count in self._counts.values():
            legend.addWidget(count)
        legend.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.title)
        column.addWidget(self._picture, 1)
        column.addWidget(self.says)
        column.addLayout(legend)

    @property
    def wanted_size(self) -> int:
        """Longest side of a picture that is as sharp as the screen; of few kinds, for pictures are kept."""
        side = max(self._picture.width(), self._picture.height()) * self.devicePixelRatioF()
        return 512 if side <= 512 else 1024

    def wait_for(self, title: str) -> None:
        """Say what is looked at, before the picture is there."""
        self.title.setText(title)

    def show_preview(self, preview: Preview | None, stay: int = 0) -> None:
        """Show what a restore would change; ``None`` shows nothing. `stay` objects stay as they are."""
        self._picture.show_picture(pixmap_of(preview.picture) if preview is not None else QPixmap())
        found = preview.changes if preview is not None else None
        counts = (
            {
                "back": (len(found.back), self.tr("{0} come back"), self.tr("1 comes back")),
                "gone": (len(found.gone), self.tr("{0} go"), self.tr("1 goes")),
                "other": (len(found.other), self.tr("{0} change"), self.tr("1 changes")),
                "same": (stay, self.tr("{0} stay"), self.tr("1 stays")),
            }
            if found is not None
            else {}
        )
        for name, count in self._counts.items():
            number, many, one = counts.get(name, (0, "", ""))
            count.show_count(number, one if number == 1 else many.format(number))
        self.says.setText(self._sentence(preview))

    def counts(self) -> list[str]:
        """Return what the legend says."""
        return [count.words.text() for count in self._counts.values() if not count.isHidden()]

    def _sentence(self, preview: Preview | None) -> str:
        if preview is None:
            return ""
        found = preview.changes
        if not found:
            return self.tr("Nothing would change: the labels are like that now.")
        if found.regions and not (found.back or found.gone or found.other):
            return self.tr("Only what is stated as complete or ignored would change.")
        if found.regions:
            return self.tr("What Restore does to the objects; what is complete or ignored changes too:")
        return self.tr("What Restore does to the objects:")


class _Picture(QWidget):
    """A picture as large as there is room, on the ground of the canvas."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self.setMinimumSize(QSize(240, 200))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("What would change"))

    def show_picture(self, pixmap: QPixmap) -> None:
        """Show another picture."""
        self._pixmap = pixmap
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint it in the middle."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens().colour("surround"))
        if not self._pixmap.isNull():
            size = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(self.rect().center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(target, self._pixmap)


class _Count(QWidget):
    """One group of the legend: its shade, and how many."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.words = QLabel()
        line = QHBoxLayout(self)
        line.setContentsMargins(_CHIP + 6, 0, 0, 0)
        line.addWidget(self.words)
        self.hide()

    def show_count(self, number: int, words: str) -> None:
        """Show how many there are; nothing when there are none."""
        self.words.setText(words)
        self.setVisible(number > 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the shade as it is in the picture."""
        shade: Shade = getattr(shades(), self._name)
        colour = QColor(*shade.colour)
        frame = QRect(0, (self.height() - _CHIP) // 2, _CHIP, _CHIP)
        painter = QPainter(self)
        painter.fillRect(frame, tokens().colour("surround"))
        inner = frame.adjusted(2, 2, -2, -2)
        if shade.hatched:
            painter.setPen(QPen(colour, 2))
            painter.setClipRect(inner)
            for at in range(-_CHIP, 2 * _CHIP, 5):
                painter.drawLine(frame.left() + at, frame.bottom() + 1, frame.left() + at + _CHIP + 1, frame.top())
            painter.setClipping(False)
        else:
            filled = QColor(colour)
            filled.setAlphaF(shade.fill)
            painter.fillRect(inner, filled)
        painter.setPen(QPen(colour, 1))
        painter.drawRect(inner.adjusted(0, 0, -1, -1))
