"""Where panels stand, and how the window remembers it."""

from collections.abc import Callable

from PySide6.QtCore import QByteArray, QEvent, QObject, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QTabWidget, QToolBar, QWidget

from segstudio.gui.actions import ActionTable
from segstudio.gui.later import later

#: Least width of the steps, pixels.
_STEPS_LEAST = 340
#: Height of the drawer when it is opened for the first time: pixels, and at most this share of the window.
_DRAWER_HEIGHT, _DRAWER_SHARE = 280, 0.36
#: Raised when docks are added or renamed, so that an old saved layout is not forced on a new window.
_VERSION = 1
_SIZE = QSize(1440, 900)
#: The window is remembered when its size and place have not changed for so long, milliseconds.
_QUIET_MS = 700
_TOOLBAR = (
    ("file.open_folder",),
    ("tool.select", "tool.lasso", "tool.move", "tool.edit_outline"),
    ("tool.brush", "tool.erase", "tool.encircle", "tool.polygon"),
    ("tool.rectangle", "tool.ellipse", "tool.oriented_rectangle"),
    ("tool.outline_in_box", "tool.wand", "tool.threshold", "tool.fill", "tool.pick"),
    ("tool.split", "tool.cut_away", "tool.merge", "tool.delete", "tool.delete_region", "tool.relabel", "tool.region"),
    ("edit.undo", "edit.redo"),
    ("view.fit",),
)
_MENUS = ("&File", "&Edit", "&Tools", "&View", "&Image", "T&rain", "&Help")


class Layout:
    """The docks, toolbar and menus of the window.

    Parameters
    ----------
    images, steps, drawer
        What stands left, right and below.
    """

    def __init__(self, window: QMainWindow, images: QWidget, steps: QWidget, drawer: QWidget) -> None:
        self._window = window
        area = Qt.DockWidgetArea
        self.images = self._dock("images-dock", window.tr("Images"), images, area.LeftDockWidgetArea)
        self.steps = self._dock("steps-dock", window.tr("Steps"), steps, area.RightDockWidgetArea)
        # Narrower, and something would be cut off.
        steps.setMinimumWidth(_STEPS_LEAST)
        self.drawer = self._dock("drawer-dock", window.tr("Objects, curves, jobs"), drawer, area.BottomDockWidgetArea)
        window.setCorner(Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, area.RightDockWidgetArea)
        self.toolbar = QToolBar(window.tr("Tools"), window)
        self.toolbar.setObjectName("toolbar")
        self.toolbar.setIconSize(QSize(20, 20))
        window.addToolBar(self.toolbar)
        self.recent = QMenu(window.tr("Recent projects"), window)
        """Of the menu File; `show_recent` fills it."""
        self._set_sizes()
        self._before: QByteArray | None = None
        self._shows_project = False
        self._settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
        self._default = window.saveState(_VERSION)
        self._drawer_has_height = bool(self._settings.value("drawer", False, bool))
        self.drawer.visibilityChanged.connect(self._on_drawer)

    def fill(self, actions: ActionTable) -> None:
        """Put the actions into toolbar and menus."""
        for number, group in enumerate(_TOOLBAR):
            if number:
                self.toolbar.addSeparator()
            for action_id in group:
                self.toolbar.addAction(actions[action_id])
        for name in _MENUS:
            menu = self._window.menuBar().addMenu(self._window.tr(name))
            self._fill_menu(menu, name, actions)
            if name == "&File":
                menu.insertMenu(actions["file.sample"], self.recent)
            if name == "&Edit":
                self._fill_menu(menu.addMenu(self._window.tr("Shape")), "Shapes", actions)
                self._fill_menu(menu.addMenu(self._window.tr("Class")), "Classes", actions)
                self._fill_menu(menu.addMenu(self._window.tr("Review")), "Review", actions)
            if name == "&View":
                self._fill_menu(menu.addMenu(self._window.tr("Channels")), "Channels", actions)
                self._fill_menu(menu.addMenu(self._window.tr("Colours of objects")), "Colours", actions)
                panels = menu.addMenu(self._window.tr("Panels"))
                for dock in (self.images, self.steps, self.drawer):
                    panels.addAction(dock.toggleViewAction())

    def show_recent(self, folders: tuple[str, ...], call: Callable[[str], object]) -> None:
        """List the projects opened last in the menu File."""
        self.recent.clear()
        self.recent.setEnabled(bool(folders))
        for folder in folders:
            # Made here: one that the menu makes may be taken for an object that had its address before.
            action = QAction(folder.replace("&", "&&"), self.recent)
            self.recent.addAction(action)
            action.triggered.connect(lambda _checked=False, folder=folder: call(folder))

    def show_project(self, is_open: bool) -> None:
        """Show what belongs to an open project; only the way in without one."""
        self.only_canvas(False)
        if self._shows_project:
            self._settings.setValue("state", self._window.saveState(_VERSION))
        self._shows_project = is_open
        if not is_open:
            for part in (self.toolbar, self.images, self.steps, self.drawer):
                part.hide()
            return
        state = self._settings.value("state")
        if not isinstance(state, QByteArray) or not self._window.restoreState(state, _VERSION):
            self.reset()

    def only_canvas(self, only: bool) -> None:
        """Hide everything but the canvas for a moment, and bring it back."""
        if only and self._before is None:
            self._before = self._window.saveState(_VERSION)
            for part in (self.toolbar, self.images, self.steps, self.drawer):
                part.hide()
        elif not only and self._before is not None:
            self._window.restoreState(self._before, _VERSION)
            self._before = None

    def reset(self) -> None:
        """Put everything back where it was at first; the drawer is closed."""
        self._window.restoreState(self._default, _VERSION)
        for part in (self.toolbar, self.images, self.steps):
            part.show()
        self.drawer.hide()
        self._drawer_has_height = False
        self._set_sizes()

    def _on_drawer(self, visible: bool) -> None:
        """Give the drawer room when it is opened for the first time: a hidden dock takes no size."""
        if visible and not self._drawer_has_height:
            self._drawer_has_height = True
            self._settings.setValue("drawer", True)
            height = min(_DRAWER_HEIGHT, round(self._window.height() * _DRAWER_SHARE))
            later(self._window, lambda: self._window.resizeDocks([self.drawer], [height], Qt.Orientation.Vertical))

    def restore_geometry(self) -> None:
        """Bring back size and place of the window, and remember each change of them: not every end is orderly.

        At first it is as large as the screen allows.
        """
        self._window.installEventFilter(_Sizes(self._window, self._remember))
        geometry = self._settings.value("geometry")
        if not isinstance(geometry, QByteArray) or not self._window.restoreGeometry(geometry):
            self._window.resize(_SIZE.boundedTo(self._window.screen().availableSize() * 0.95))

    def _remember(self) -> None:
        if self._before is None:
            self.save(project_is_open=self._shows_project)

    def save(self, *, project_is_open: bool) -> None:
        """Remember the layout; without a project only size and place, for everything is hidden then."""
        self.only_canvas(False)
        self._settings.setValue("geometry", self._window.saveGeometry())
        if project_is_open:
            self._settings.setValue("state", self._window.saveState(_VERSION))
        self._settings.sync()

    @staticmethod
    def _fill_menu(menu: QMenu, name: str, actions: ActionTable) -> None:
        for spec, action in actions.menu(name):
            if spec.separator:
                menu.addSeparator()
            menu.addAction(action)
        menu.aboutToShow.connect(actions.refresh)

    def _set_sizes(self) -> None:
        self._window.resizeDocks([self.images, self.steps], [220, 340], Qt.Orientation.Horizontal)

    def _dock(self, name: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self._window)
        dock.setObjectName(name)
        dock.setWidget(widget)
        self._window.addDockWidget(area, dock)
        return dock


class _Sizes(QObject):
    """Calls `remember` a moment after the window got another size or place."""

    def __init__(self, window: QWidget, remember: Callable[[], object]) -> None:
        super().__init__(window)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(remember)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at the events of the window, and take none of them."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.WindowStateChange):
            self._quiet.start()
        return super().eventFilter(watched, event)


def tabs(*pages: tuple[QWidget, str]) -> QTabWidget:
    """Return pages behind tabs."""
    widget = QTabWidget()
    widget.setDocumentMode(True)
    for page, title in pages:
        widget.addTab(page, title)
    return widget
