"""Ways in: menus, the welcome page, dropped files and the command line all end in `Opening.open_paths`."""

from pathlib import Path

from platformdirs import user_documents_path
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from segstudio.gui.dialogs.new_project import NewProjectDialog
from segstudio.project.layout import is_project
from segstudio.project.sample_project import copy_sample
from segstudio.session.session import Session


class Opening(QObject):
    """Asks what to open, and opens it."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window

    def ask_folder(self) -> None:
        """Ask for a folder of images and make a project of it."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Open a folder of images"))
        if folder:
            self.open_paths([Path(folder)])

    def ask_project(self) -> None:
        """Ask for a project folder."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Open a project folder"))
        if folder:
            self._session.open_project(Path(folder))

    def ask_images(self) -> None:
        """Ask for images to add to the open project."""
        names, _ = QFileDialog.getOpenFileNames(self._window, self.tr("Add images to the project"))
        if names:
            self._session.add_images([Path(name) for name in names])

    def open_sample(self) -> None:
        """Open a fresh copy of the sample project."""
        self._session.background.run(
            lambda: copy_sample(user_documents_path() / "SegStudio"), self._session.open_project
        )

    def open_paths(self, paths: list[Path]) -> None:
        """Open what was dropped or named: a project, a folder of images, or images."""
        self._session.background.run(lambda: _look(paths), lambda found: self._open(paths, *found))

    def _open(self, paths: list[Path], project: bool, has_masks: bool) -> None:
        if project:
            self._session.open_project(paths[0])
        elif self._session.project is not None and not any(path.is_dir() for path in paths):
            self._session.add_images(paths)
        else:
            dialog = NewProjectDialog(paths, has_masks=has_masks, parent=self._window)
            dialog.accepted.connect(
                lambda: self._session.create_project(dialog.folder, paths, import_masks=dialog.import_masks)
            )
            dialog.open()


def _look(paths: list[Path]) -> tuple[bool, bool]:
    """Return whether a project was meant, and whether label images lie beside the images."""
    first = paths[0]
    if len(paths) == 1 and is_project(first):
        return True, False
    folder = first if first.is_dir() else first.parent
    return False, any((place / "masks").is_dir() for place in (folder, folder.parent))
