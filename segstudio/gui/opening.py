"""Ways in: menus, the welcome page, dropped files and the command line all end in `Opening.open_paths`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_documents_path
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from segstudio.core.errors import BadInput, UserError
from segstudio.gui.dialogs.file_parts import FilePartsDialog
from segstudio.gui.dialogs.new_project import NewProjectDialog, existing_project, suggested_folder
from segstudio.gui.dialogs.take_over import agree_on_taking_over
from segstudio.gui.dialogs.unsaved import agree_on_unsaved
from segstudio.io.image_place import image_exists
from segstudio.io.sources import open_image
from segstudio.project.image_files import FoundImage, find_images, find_mask
from segstudio.project.layout import Layout, is_project
from segstudio.project.linked_folders import ELSEWHERE, link, unlinked_folders
from segstudio.project.lock import LEFT_OPEN, Holder, left_open_by
from segstudio.project.manifest import MANIFEST
from segstudio.project.project import Project
from segstudio.project.sample_project import copy_sample
from segstudio.session.file_parts import FileParts, files_with_parts
from segstudio.session.mask_taking import MASKS
from segstudio.session.notice import Notice
from segstudio.session.project_door import OPENING
from segstudio.session.session import Session

#: Label images are looked for beside so many images.
_MASKS_SOUGHT = 50
#: What notices are about that ask whether images elsewhere may be read, and how many folders they name.
_LINKS, _PLACES = "links", 3


class Opening(QObject):
    """Asks what to open, and opens it."""

    offered = Signal(object, object)
    """A `Notice`, and the button with which the user takes the offer."""
    asked = Signal(object, object, object)
    """A `Notice`, and the two buttons between which the user chooses."""
    withdrawn = Signal(str)
    """What was said about something, as `Notice.about`, is over."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        session.door.refused.connect(self._offer_reading)
        session.masks.offered.connect(self._offer_masks)
        session.project_changed.connect(self._on_project)
        session.front.refused.connect(self._on_refused)

    def ask_folder(self) -> None:
        """Ask for a folder of images and make a project of it."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Open a folder of images"))
        if folder:
            self.open_paths([Path(folder)])

    def ask_project(self) -> None:
        """Ask for a project folder."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Open a project folder"))
        if folder:
            self.open_project(Path(folder))

    def ask_images(self) -> None:
        """Ask for images to add to the open project."""
        names, _ = QFileDialog.getOpenFileNames(self._window, self.tr("Add images to the project"))
        if names:
            self._add([Path(name) for name in names])

    def _add(self, paths: list[Path]) -> None:
        """Add files to the open project, of those that hold several images the chosen ones."""
        self._choose_parts(paths, self._session.add_images)

    def _choose_parts(self, paths: list[Path], then: Callable[[list[Path]], object]) -> None:
        """Ask which images of the files are wanted, where some hold several, and go on with the answer."""

        def ask(found: list[FileParts]) -> None:
            if not found:
                then(paths)
                return
            dialog = FilePartsDialog(found, self._window)
            dialog.accepted.connect(lambda: then(_with_parts(paths, dialog.chosen())))
            dialog.open()

        self._session.background.run(lambda: files_with_parts(paths), ask)

    def ask_images_folder(self) -> None:
        """Ask for a folder of images, or one that is an image, to add to the open project."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Add a folder of images, or an OME-Zarr image"))
        if folder:
            self._add([Path(folder)])

    def ask_masks(self) -> None:
        """Ask for a folder of label images, and take those that have the names of images without labels."""
        project = self._session.project
        if project is None or not project.images:
            return
        beside = str(project.image_path(project.images[0].id).parent)
        folder = QFileDialog.getExistingDirectory(
            self._window, self.tr("Folder with a mask for each image, of the same name"), beside
        )
        if folder:
            self._session.masks.take_from(Path(folder))

    def open_sample(self) -> None:
        """Open a fresh copy of the sample project."""
        self._session.background.run(lambda: copy_sample(user_documents_path() / "SegStudio"), self.open_project)

    def open_project(self, folder: Path) -> None:
        """Open a project; the one that is open already stays."""
        project = self._session.project
        if project is not None and project.folder == folder.absolute():
            self._session.notice(self.tr("{name} is open already.").format(name=project.name))
        elif agree_on_unsaved(self._session, self._window):
            self._session.open_project(folder)

    def open_paths(self, paths: list[Path]) -> None:
        """Open what was dropped or named: a project, a folder of images, or images."""
        add = self._session.project is not None
        self._session.background.run(
            lambda: _look(paths, add=add), lambda found: self._open(paths, found), self._session.door.refuse
        )

    def refuse_links(self) -> None:
        """Say that what was dropped is no file."""
        self._session.notice(
            self.tr("Only files and folders of this computer can be opened."),
            self.tr("Save the image as a file first, then drop that."),
            "warning",
        )

    def _open(self, paths: list[Path], found: "_Found") -> None:
        self.withdrawn.emit(OPENING)
        if found.project is not None:
            self.open_project(found.project)
        elif found.add and self._session.project is not None:
            self._add(paths)
        elif agree_on_unsaved(self._session, self._window):
            dialog = NewProjectDialog(
                found.suggested,
                has_masks=found.has_masks,
                count=found.count,
                existing=found.existing,
                parent=self._window,
            )
            dialog.open_wanted.connect(lambda: self.open_project(found.existing) if found.existing else None)
            dialog.accepted.connect(
                lambda: self._choose_parts(
                    paths,
                    lambda chosen: self._session.create_project(
                        dialog.folder, chosen, import_masks=dialog.import_masks
                    ),
                )
            )
            dialog.open()

    def _offer_reading(self, folder: Path, error: UserError) -> None:
        button = QPushButton(self.tr("Open for reading only"))
        button.clicked.connect(lambda: self._session.open_project(folder, read_only=True))
        if error.code != LEFT_OPEN:
            self.offered.emit(Notice(error.message, error.hint, "warning", about=OPENING, outlives=True), button)
            return
        hint = self.tr("Close it there, open it for reading only, or take it over if that computer is off.")
        notice = Notice(error.message, hint, "warning", about=OPENING, outlives=True)
        take = QPushButton(self.tr("Take over…"))
        take.clicked.connect(lambda: self._ask_take_over(folder, error))
        self.asked.emit(notice, button, take)

    def _ask_take_over(self, folder: Path, error: UserError) -> None:
        def ask(holder: Holder | None) -> None:
            if holder is None or agree_on_taking_over(folder.name, holder, self._window):
                self._session.open_project(folder, take_from=holder)
            else:
                self._offer_reading(folder, error)

        lock = Layout(folder.parent if folder.name == MANIFEST else folder).lock
        self._session.background.run(lambda: left_open_by(lock), ask)

    def _offer_masks(self, masks: dict[str, Path], added: int) -> None:
        button = QPushButton(self.tr("Take as labels"))
        button.clicked.connect(lambda: self._session.masks.take(masks))
        if added == 1:
            says = self.tr("The image that was added has a mask beside it.")
        elif len(masks) == added:
            says = self.tr("All {0} images that were added have masks beside them.").format(added)
        elif len(masks) == 1:
            says = self.tr("1 of the {0} images that were added has a mask beside it.").format(added)
        else:
            says = self.tr("{0} of the {1} images that were added have masks beside them.").format(len(masks), added)
        self.offered.emit(Notice(says, "", "info", about=MASKS), button)

    def _on_project(self, project: Project | None) -> None:
        for about in (MASKS, _LINKS):
            self.withdrawn.emit(about)
        if project is not None:
            self.withdrawn.emit(OPENING)
        self._offer_links(project)

    def _on_refused(self, _image_id: str, error: UserError) -> None:
        if error.code == ELSEWHERE:
            self._offer_links(self._session.project)

    def _offer_links(self, project: Project | None) -> None:
        """Ask whether images outside of a project may be read, when this user has taken none from there."""
        folders = unlinked_folders(project.folder, project.images) if project is not None else {}
        if project is None or not folders:
            return
        count, places = sum(folders.values()), ", ".join(map(str, list(folders)[:_PLACES]))
        more = self.tr(" and {0} other folders").format(len(folders) - _PLACES) if len(folders) > _PLACES else ""
        images = self.tr("1 image lies") if count == 1 else self.tr("{0:,} images lie").format(count)
        says = self.tr("{0} outside of this project, in {1}{2}, and {3} not read.").format(
            images, places, more, self.tr("is") if count == 1 else self.tr("are")
        )
        hint = self.tr("If you know this place, let the program read it; otherwise whoever made the project chose it.")
        button = QPushButton(self.tr("Read images there"))

        def read() -> None:
            folder, read_only = project.folder, project.read_only  # a closed one cannot be written
            self._session.close_project()
            self._session.background.run(
                lambda: link(folders), lambda _: self._session.open_project(folder, read_only=read_only)
            )

        button.clicked.connect(read)
        self.offered.emit(Notice(says, hint, "warning", about=_LINKS), button)

    def ask_where(self, image_id: str) -> None:
        """Ask for a folder in which to look for images that moved; open the image when it is found."""
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Where are the images now?"))

        def tell(found: int) -> None:
            if found:
                says = self.tr("1 image was found again.") if found == 1 else self.tr("{0:,} images were found again.")
                self._session.notice(says.format(found), level="good")
                self._session.images_changed.emit()
                project = self._session.project
                # It may have been taken out of the project while the folder was looked through.
                if project is not None and image_id in [entry.id for entry in project.images]:
                    self._session.select(image_id)
            else:
                self._session.notice(
                    self.tr("No missing image is in {0}.").format(Path(folder).name),
                    self.tr("Images are known by their content, whatever their name is now."),
                    "warning",
                )

        if folder:
            self._session.files.find(Path(folder), tell)


def _with_parts(paths: list[Path], chosen: dict[Path, list[Path]]) -> list[Path]:
    return [wanted for path in paths for wanted in chosen.get(path, [path])]


@dataclass(frozen=True)
class _Found:
    """What paths were meant as: a `project`, images to `add` to the open one, or images of a new one, and where to.

    An `existing` project of such images is offered before a new one.
    """

    project: Path | None = None
    add: bool = False
    has_masks: bool = False
    count: int = 0
    suggested: Path = Path()
    existing: Path | None = None


def _look(paths: list[Path], *, add: bool) -> _Found:
    """Find out what was meant; raise `BadInput` when there is nothing to open, before anything is asked."""
    first = paths[0]
    for path in paths:
        if not (path.exists() or image_exists(path)):
            raise BadInput(
                f"{path.name} was not found in {path.parent}.",
                hint="Is the drive connected? Was it renamed?",
                code="missing",
                path=path,
            )
    if len(paths) == 1:
        folder = first.parent if first.name == MANIFEST else first
        if is_project(folder):
            return _Found(project=folder)
    if add and all(image_exists(path) for path in paths):
        return _Found(add=True)
    images = list(find_images(paths))
    _check_some(images, first)
    has_masks = any(find_mask(item.path) is not None for item in images[:_MASKS_SOUGHT])
    suggested, existing = suggested_folder(paths), existing_project(paths)
    return _Found(has_masks=has_masks, count=len(images), suggested=suggested, existing=existing)


def _check_some(images: list[FoundImage], first: Path) -> None:
    """Raise `BadInput` unless one of `images` can be read; the sentence is that of the first."""
    problem: BadInput | None = None
    for item in images:
        try:
            open_image(item.path).close()
            return
        except BadInput as error:
            problem = problem or error
    raise problem or BadInput(
        f"There is no image in “{first.name}”.",
        hint="Choose a folder with TIFF, PNG or JPEG images.",
        code="no-images",
        path=first,
    )
