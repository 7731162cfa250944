"""What can be done with the images chosen in the list: the menu of a right-click."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QIcon
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget
from shiboken6 import isValid

from segstudio.core.errors import UserError
from segstudio.gui.forms.plain import plain
from segstudio.gui.theme import icon
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.session.session import Session

_MOST_NAMES = 3


class ImageMenu(QMenu):
    """The menu for the images `ids`.

    Parameters
    ----------
    find_in_folder
        Asks for a folder and looks there for images that moved; gets the id of one that is wanted.
    ask_pixel_size
        Asks how large a pixel of the images is; gets their ids.
    ask_axes
        Asks what the axes of an image mean; gets its id.
    """

    def __init__(
        self,
        session: Session,
        ids: list[str],
        find_in_folder: Callable[[str], object],
        ask_pixel_size: Callable[[list[str]], object],
        ask_axes: Callable[[str], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session, self._ids, self._window = session, ids, parent
        self._writable = session.project is not None and not session.project.read_only
        one = len(ids) == 1
        self._offer("check-circle", self.tr("Mark as reviewed"), lambda: session.states.set_reviewed(ids, True))
        self._offer("circle", self.tr("Mark as not reviewed"), lambda: session.states.set_reviewed(ids, False))
        self.addSeparator()
        self._add_splits()
        self._offer("ruler", self.tr("Pixel size…"), lambda: ask_pixel_size(ids))
        entry = session.project.entry(ids[0]) if session.project is not None and one else None
        if entry is not None and (entry.axes or entry.channels > 1):
            self._offer("stack", self.tr("Axes and pixel size…"), lambda: ask_axes(ids[0]))
        self.addSeparator()
        self._missing = [
            self._offer("image", self.tr("Find the image file…"), self._find_file),
            self._offer("folder-open", self.tr("Look for moved images in a folder…"), lambda: find_in_folder(ids[0])),
        ]
        changed = self._offer(
            "arrows-clockwise",
            self.tr("Use the changed image"),
            lambda: session.files.accept_changed(ids[0]),
        )
        self._changed = [changed]
        changed.setToolTip(self.tr("Keep the labels although the file was saved again with another content"))
        for action in (*self._missing, *self._changed):
            action.setVisible(False)
        if one:
            self._look_at_file(ids[0])
        self._offer("folder", self.tr("Open folder"), self._open_folder, changes=False, possible=one)
        self.addSeparator()
        self._offer("trash", self.tr("Remove from the project…"), self._remove)
        self.setToolTipsVisible(True)

    def _look_at_file(self, image_id: str) -> None:
        """Offer what a missing or changed image file needs, once the disk has answered."""
        project = self._session.project
        if project is None:
            return

        def check() -> str:
            try:
                project.check_image(image_id)
            except UserError as error:
                return error.code
            return ""

        def show(code: str) -> None:
            if not isValid(self):
                return
            for found, actions in ((("image-missing", ELSEWHERE), self._missing), (("image-changed",), self._changed)):
                for action in actions:
                    action.setVisible(code in found)

        self._session.background.run(check, show)

    def _add_splits(self) -> None:
        splits = self.addMenu(self.tr("Use for"))
        splits.setEnabled(self._writable)
        chosen = {self._session.states.split_of(image_id) for image_id in self._ids}
        for key, words in (
            ("auto", self.tr("Training or validation, chosen by the program")),
            ("train", self.tr("Training")),
            ("val", self.tr("Validation")),
            ("test", self.tr("Test only, never seen in training")),
        ):
            action = splits.addAction(words)
            action.setCheckable(True)
            action.setChecked(chosen == {key})
            action.triggered.connect(lambda _checked=False, key=key: self._session.states.set_split(self._ids, key))

    def _offer(
        self, picture: str, text: str, call: Callable[[], object], *, changes: bool = True, possible: bool = True
    ) -> QAction:
        action = self.addAction(icon(picture) if picture else QIcon(), text)
        action.setEnabled(possible and (self._writable or not changes))
        action.triggered.connect(lambda _checked=False: call())
        return action

    def _find_file(self) -> None:
        project, image_id = self._session.project, self._ids[0]
        if project is not None:
            name = project.entry(image_id).name
            path, _ = QFileDialog.getOpenFileName(self._window, self.tr("Where is {0} now?").format(name))
            if path:
                self._session.files.relocate(image_id, Path(path))

    def _open_folder(self) -> None:
        project = self._session.project
        if project is not None:
            folder = project.image_path(self._ids[0]).parent
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
                self._session.notice(self.tr("This desktop cannot show the folder {0}.").format(folder))

    def _remove(self) -> None:
        project = self._session.project
        if project is None:
            return
        entries = [project.entry(image_id) for image_id in self._ids]
        if agree_on_removal([entry.name for entry in entries], self._window):
            self._session.remove_images(self._ids)


def agree_on_removal(names: list[str], parent: QWidget) -> bool:
    """Ask whether images may leave the project; says what stays."""
    box = QMessageBox(parent)
    box.setObjectName("remove-images")
    box.setWindowTitle(_tr("Remove from the project"))
    rest = len(names) - _MOST_NAMES
    what = ", ".join(names[:_MOST_NAMES]) + (_tr(" and {0} more").format(rest) if rest > 0 else "")
    box.setText(_tr("Remove {0} from the project?").format(what))
    box.setInformativeText(
        _tr(
            "The image files stay where they are, and their labels stay in the project's folder: they are there again "
            "when you add the same images later. Trainings, measurements and exports do without them until then."
        )
    )
    plain(box)
    remove = box.addButton(_tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    return box.clickedButton() is remove


def _tr(text: str) -> str:
    return QCoreApplication.translate("ImageMenu", text)
