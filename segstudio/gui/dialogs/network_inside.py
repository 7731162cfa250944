"""The inside of a finished model: what each layer makes of a part of the image, and what the result depends on."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.tiles import Window
from segstudio.gui.dialogs.network_layers import LayerTree
from segstudio.gui.dialogs.network_pictures import LargePicture, picture_of, sheer, small
from segstudio.gui.forms.editors import CalmComboBox
from segstudio.gui.forms.parts import EmptyState, button, caption
from segstudio.jobs.network_report import Layer, Map
from segstudio.session.network_reports import NetworkReports, Pictures
from segstudio.session.session import Session

#: Side of the part of the image that is looked at, image pixels, and of the small pictures, screen pixels.
_REGION, _THUMB = 512, 84
#: A small picture with its number below, screen pixels.
_ITEM = QSize(96, 108)
#: Pixels between the small pictures, and how many lines of them are in sight.
_GAP, _ROWS = 4, 2
#: Of the tree of layers and of the pictures, screen pixels.
_WIDTHS = (380, 520)
_MAPS, _GRADIENTS = range(2)
_ALL, _SELECTED = range(2)

Square = Callable[[int, tuple[float, float] | None], Window | None]


class NetworkInside(QWidget):
    """Feature maps and gradients of the layer that is chosen.

    Parameters
    ----------
    square
        Returns so many image pixels around a point ``(x, y)``, or the middle of the view.
    """

    picture_wanted = Signal(object, object)
    """A `QImage` to lie over the image, null for none, and the `Window` where."""

    def __init__(self, session: Session, reports: NetworkReports, square: Square) -> None:
        super().__init__()
        self._session, self._reports, self._square = session, reports, square
        self._run_id = ""
        self._filled: tuple[Pictures | None, int] = None, _MAPS
        self._drawing = 0
        self._empty = EmptyState("eye")
        self.tree = LayerTree((self.tr("Layer"), self.tr("Output"), self.tr("Effect")), self._cells)
        self.tree.setToolTip(self.tr("Effect: how strongly the result reacts to each layer"))
        self.tree.setSelectionMode(LayerTree.SelectionMode.SingleSelection)
        self.tree.chosen.connect(lambda _path: self.look())
        self.what, self.of = (
            _choice(self.tr("Feature maps"), self.tr("Gradients")),
            _choice(self.tr("All objects"), self.tr("The selected object")),
        )
        self._of_label = QLabel(self.tr("of"))
        self.pictures = QListWidget()
        self._large = LargePicture()
        self._says, self._about = caption(), caption()
        self.on_image = QCheckBox(self.tr("Show on image"))
        self._bar = QProgressBar()
        self._build()
        self.what.currentIndexChanged.connect(self._fill)
        self.of.currentIndexChanged.connect(lambda _index: self.look())
        self.pictures.currentRowChanged.connect(self._on_picture)
        self.on_image.toggled.connect(lambda _on: self._lay_over())
        reports.described.connect(self._show_layers)
        reports.looked.connect(self._show)
        self._show()

    def set_model(self, run_id: str) -> None:
        """Look into the model of another run; of none for ``""``."""
        self._run_id = run_id
        self.forget()

    def forget(self) -> None:
        """Show nothing until it is looked again: model or image are others."""
        self._reports.pictures, self._reports.inside_error = None, ""
        self._show()
        if self.isVisible():
            self.look()

    def let_go(self) -> None:
        """Wait for nothing any more."""
        self._drawing += 1

    def look(self) -> None:
        """Ask for the layer that is chosen at the part of the image that is in the middle of the view."""
        session = self._session
        run, project, document = session.runs.run(self._run_id), session.project, session.document
        if run is None or project is None or document is None or not self.isVisible():
            return
        at = self._selected_point() if self.of.currentIndex() == _SELECTED else None
        centre = (float(at[1]), float(at[0])) if at is not None else None
        window = self._square(_REGION, centre)
        if window is not None and not window.empty:
            path = project.image_path(document.entry.id)
            axes = document.entry.read_as
            self._reports.look_inside(run.model, path, window, self.tree.path(), at, axes)

    def showEvent(self, event: object) -> None:
        """Look when the tab is opened for the first time."""
        if self._reports.pictures is None and not self._reports.looking:
            self.look()

    def _build(self) -> None:
        self.pictures.setViewMode(QListView.ViewMode.IconMode)
        self.pictures.setResizeMode(QListView.ResizeMode.Adjust)
        self.pictures.setMovement(QListView.Movement.Static)
        self.pictures.setIconSize(QSize(_THUMB, _THUMB))
        self.pictures.setSpacing(_GAP)
        self.pictures.setUniformItemSizes(True)
        self.pictures.setMinimumHeight(_ROWS * (_ITEM.height() + _GAP) + 2 * _GAP)
        self._bar.setRange(0, 0)
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        again = button(self.tr("Look here"), self.look, "crosshair")
        again.setAutoDefault(False)
        again.setToolTip(self.tr("Looks at the {0} px around the middle of the view").format(_REGION))
        choices = QHBoxLayout()
        choices.setSpacing(8)
        for widget in (self.what, self._of_label, self.of):
            choices.addWidget(widget)
        choices.addStretch(1)
        choices.addWidget(again)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(12, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(choices)
        column.addWidget(self._about)
        column.addWidget(self.pictures, 3)
        column.addWidget(self._large, 4)
        below = QHBoxLayout()
        below.addWidget(self._says, 1)
        below.addWidget(self.on_image)
        column.addLayout(below)
        self._all = QSplitter(Qt.Orientation.Horizontal)
        self._all.addWidget(self.tree)
        self._all.addWidget(right)
        self._all.setSizes(list(_WIDTHS))
        self._all.setStretchFactor(1, 1)
        self._all.setChildrenCollapsible(False)
        self._all.setHandleWidth(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 12)
        whole.setSpacing(4)
        whole.addWidget(self._bar)
        whole.addWidget(self._empty)
        whole.addWidget(self._all, 1)
        whole.addStretch(0)

    def _cells(self, layer: Layer) -> tuple[str, str]:
        pictures = self._reports.pictures
        norm = pictures.inside.norms.get(layer.path) if pictures is not None and layer.path else None
        return " × ".join(map(str, layer.shape)) if layer.path else "", f"{norm:.2g}" if norm is not None else ""

    def _show_layers(self) -> None:
        if self._reports.report is not None:
            self.tree.show_layers(self._reports.report.layers, self.tr("Image"))

    def _show(self) -> None:
        reports = self._reports
        self._bar.setVisible(reports.looking)
        usable = bool(self._run_id) and self._session.document is not None
        self._all.setVisible(usable)
        self._empty.setVisible(not usable)
        if not self._run_id and not any(run.has_model for run in self._session.runs.all):
            self._empty.say(self.tr("Train a model first: then you see here what its layers make of an image."))
        elif not self._run_id:
            self._empty.say(self.tr("Choose a trained model above to look into it."))
        elif self._session.document is None:
            self._empty.say(self.tr("Open an image to look at."))
        self.tree.refresh()
        self._fill()

    def _fill(self) -> None:
        """Show the small pictures of what is chosen, and stand on the one that was stood on."""
        for widget in (self._of_label, self.of):
            widget.setVisible(self.what.currentIndex() == _GRADIENTS)
        self._about.setText(self._told())
        found, what = self._reports.pictures, self.what.currentIndex()
        if self._filled[0] is not found or self._filled[1] != what:
            self._filled = found, what
            self._list()

    def _list(self) -> None:
        made = self._made()
        row = max(0, self.pictures.currentRow())
        self.pictures.blockSignals(True)
        self.pictures.clear()
        for each, _array in made:
            item = QListWidgetItem(str(each.channel))
            item.setToolTip(self.tr("Channel {0}").format(each.channel))
            item.setSizeHint(_ITEM)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            self.pictures.addItem(item)
        self.pictures.blockSignals(False)
        self._draw_icons([array for _each, array in made])
        self.pictures.setCurrentRow(min(row, len(made) - 1))
        self._on_picture(self.pictures.currentRow())

    def _draw_icons(self, arrays: list[NDArray[np.uint8]]) -> None:
        """Draw the small pictures on a thread: dozens of large ones are made small."""
        self._drawing += 1
        mine, side = self._drawing, round(_THUMB * self.devicePixelRatioF())

        def take(icons: list[QImage]) -> None:
            if mine == self._drawing:
                for number, icon in enumerate(icons):
                    self.pictures.item(number).setIcon(QIcon(QPixmap.fromImage(icon)))

        self._session.background.run(lambda: [small(array, side) for array in arrays], take, lane="pictures")

    def _made(self) -> list[tuple[Map, NDArray[np.uint8]]]:
        found = self._reports.pictures
        if found is None:
            return []
        gradients = self.what.currentIndex() == _GRADIENTS
        maps = found.inside.gradients if gradients else found.inside.maps
        return list(zip(maps, found.gradients if gradients else found.maps, strict=False))

    def _told(self) -> str:
        """Return what the pictures are."""
        found = self._reports.pictures
        if self._reports.inside_error:
            return self._reports.inside_error
        if found is None:
            return self.tr("Looking into the network …") if self._reports.looking else ""
        inside, rows = found.inside, found.inside.window
        size = f"{rows[3] - rows[1]} × {rows[2] - rows[0]} px"
        if self.what.currentIndex() == _GRADIENTS:
            if not inside.target:
                return self.tr("This network hands no gradients back.")
            words = self.tr("How strongly the answer at {0} depends on each place; bright is strong. {1} of the image.")
            return words.format(inside.target, size)
        if not inside.layer:
            return self.tr("The image as the network sees it, {0} of it.").format(size)
        shown, there = len(inside.maps), inside.shape[0]
        words = self.tr("The {0} of {1} channels that vary most, each on its own scale. {2} of the image.")
        if shown == there:
            words = self.tr("All {1} channels, those that vary most first, each on its own scale. {2} of the image.")
        return words.format(shown, there, size)

    def _on_picture(self, row: int) -> None:
        made = self._made()
        if not 0 <= row < len(made):
            self._large.show_picture(QImage())
            self._says.setText("")
            self._lay_over()
            return
        each, array = made[row]
        self._large.show_picture(picture_of(array))
        self._says.setText(
            self.tr("Channel {0}, dark {1} to bright {2}").format(each.channel, f"{each.low:.3g}", f"{each.high:.3g}")
        )
        self._lay_over()

    def _lay_over(self) -> None:
        found: Pictures | None = self._reports.pictures
        shown = found is not None and self.on_image.isChecked()
        window = Window(*found.inside.window) if found is not None else Window(0, 0, 0, 0)
        self.picture_wanted.emit(sheer(self._large.picture) if shown else QImage(), window)

    def _selected_point(self) -> tuple[int, int] | None:
        """Return a pixel well inside the object that is selected."""
        document = self._session.document
        chosen = next(iter(self._session.view.selected), None)
        window = document.planes.labels.window_of(chosen) if document is not None and chosen is not None else None
        if document is None or window is None:
            return None
        rows, columns = np.nonzero(document.planes.labels.read(window) == chosen)
        nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
        return int(rows[nearest]) + window.y0, int(columns[nearest]) + window.x0


def _choice(*words: str) -> QComboBox:
    box = CalmComboBox()
    box.addItems(list(words))
    box.setMinimumWidth(140)
    return box
