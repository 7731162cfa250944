"""The list of classes: chosen, added, renamed, coloured, removed."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QIcon, QKeyEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QFrame,
    QInputDialog,
    QListWidget,
    QListWidgetItem,
    QMenu,
)

from segstudio.core.classes import COLOUR_NAMES, ObjectClass
from segstudio.gui.bind import follow
from segstudio.gui.forms.parts import on_theme
from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.theme import tokens
from segstudio.session.class_removal import ClassUse
from segstudio.session.session import Session

_CLASS_ID = Qt.ItemDataRole.UserRole
_ROW_HEIGHT = 28
#: Digits that choose a class; 3 draws a polygon.
_KEYS = frozenset({1, 2, 4, 5, 6, 7, 8, 9})


class ClassList(QListWidget):
    """The classes of the project; the chosen one is what new objects get. A double click renames, Delete removes."""

    filled = Signal()
    """The classes are others now."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip(
            self.tr(
                "Class of new objects; double-click to rename, right-click to colour, Delete to remove, digits choose"
            )
        )
        self.currentItemChanged.connect(self._on_chosen)
        self.itemChanged.connect(self._on_renamed)
        session.project_changed.connect(self._on_project)
        follow(session.view, "class_id", self, lambda _value: self._mark())
        on_theme(self, self._fill)
        self._on_project(session.project)

    def add(self) -> None:
        """Add a class and let its name be typed."""
        project = self._session.project
        if project is None:
            return
        project.set_classes(project.classes.add(self.tr("class {0}").format(len(project.classes) + 1)))
        self._session.view.class_id = project.classes.ids[-1]
        self.editItem(self.item(self.count() - 1))

    def remove(self) -> None:
        """Remove the chosen class; when objects have it, ask which class they get."""
        project, class_id = self._session.project, self._session.view.class_id
        if project is None or class_id not in project.classes.ids:
            return
        if len(project.classes) == 1:
            self._session.notice(self.tr("The last class stays: every object has one."))
            return
        self._session.classes.count(class_id, lambda use: self._ask(class_id, use))

    def _ask(self, class_id: int, use: ClassUse) -> None:
        project = self._session.project
        if project is None or class_id not in project.classes.ids:
            return
        if not use.objects:
            self._session.classes.remove(class_id)
            return
        others = {item.name: item.id for item in project.classes.classes if item.id != class_id}
        dialog = QInputDialog(self)
        dialog.setObjectName("remove-class")
        dialog.setWindowTitle(self.tr("Remove the class {0}").format(project.classes[class_id].name))
        dialog.setLabelText(self.tr("{0} this class. They get the class:").format(use.words()))
        dialog.setComboBoxItems(list(others))
        dialog.setOkButtonText(self.tr("Move and remove"))
        dialog.setCancelButtonText(self.tr("Keep"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(lambda name: self._session.classes.remove(class_id, others[name]))
        dialog.open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove with Delete."""
        if event.key() == Qt.Key.Key_Delete:
            self.remove()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to rename, to colour and to remove the class under the pointer."""
        item, project = self.itemAt(event.pos()), self._session.project
        if item is None or project is None:
            return
        self.setCurrentItem(item)
        menu = QMenu(self)
        menu.addAction(self.tr("Rename"), lambda: self.editItem(item))
        menu.addMenu(self._colours(menu, project.classes[item.data(_CLASS_ID)]))
        menu.addAction(self.tr("Remove…"), self.remove).setEnabled(len(project.classes) > 1)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def _colours(self, parent: QMenu, chosen: ObjectClass) -> QMenu:
        """Return a menu of the colours that everybody can tell apart, and of all others."""
        menu = QMenu(self.tr("Colour"), parent)
        for colour, name in COLOUR_NAMES.items():
            action = menu.addAction(_swatch(colour), name.capitalize())
            action.triggered.connect(lambda _checked, colour=colour: self._recolour(chosen.id, colour))
        menu.addSeparator()
        menu.addAction(self.tr("Other…"), lambda: self._ask_colour(chosen))
        return menu

    def _ask_colour(self, chosen: ObjectClass) -> None:
        dialog = QColorDialog(QColor(chosen.colour), self)
        dialog.setObjectName("class-colour")
        dialog.setWindowTitle(self.tr("Colour of {0}").format(chosen.name))
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._recolour(chosen.id, colour.name()))
        dialog.open()

    def _recolour(self, class_id: int, colour: str) -> None:
        project = self._session.project
        if project is not None and class_id in project.classes.ids:
            project.set_classes(project.classes.recolour(class_id, colour))

    def _on_project(self, project: object) -> None:
        if project is not None and self._session.project is not None:
            self._session.project.classes_changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        project = self._session.project
        self.blockSignals(True)
        self.clear()
        for number, item in enumerate(project.classes.classes if project else (), start=1):
            self.addItem(_item(item, number))
        self.blockSignals(False)
        self._mark()
        self.setFixedHeight(max(1, self.count()) * _ROW_HEIGHT + 2)
        self.filled.emit()

    def _mark(self) -> None:
        self.blockSignals(True)
        for number in range(self.count()):
            if self.item(number).data(_CLASS_ID) == self._session.view.class_id:
                self.setCurrentRow(number)
        self.blockSignals(False)

    def _on_chosen(self, current: QListWidgetItem | None) -> None:
        if current is not None:
            self._session.view.class_id = current.data(_CLASS_ID)

    def _on_renamed(self, item: QListWidgetItem) -> None:
        project, name = self._session.project, item.text().strip()
        if project is None:
            return
        class_id = item.data(_CLASS_ID)
        taken = {other.name for other in project.classes.classes if other.id != class_id}
        if name and name not in taken:
            project.set_classes(project.classes.rename(class_id, name))
        else:
            if name:
                self._session.notice(self.tr("There is a class called {0} already.").format(name), level="warning")
            self._fill()


def _item(item: ObjectClass, number: int) -> QListWidgetItem:
    made = QListWidgetItem(_swatch(item.colour), item.name)
    made.setData(_CLASS_ID, item.id)
    made.setSizeHint(QSize(0, _ROW_HEIGHT))
    made.setFlags(made.flags() | Qt.ItemFlag.ItemIsEditable)
    # Its place is the digit that chooses it; its number is what files and settings call it, and stays when others go.
    key = f", key {number}" if number in _KEYS else ""
    made.setToolTip(plain_tip(f"{item.name}: number {item.id}{key}"))
    return made


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(32, 32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(colour))
    # The ring keeps it apart from a selected row of the same colour.
    painter.setPen(QPen(tokens().colour("panel"), 3))
    painter.drawEllipse(4, 4, 24, 24)
    painter.end()
    return QIcon(picture)
