"""Actions of the menu File."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now, can_write_now, has_project_now
from segstudio.gui.dialogs.verify import VerifyDialog
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    has_project = has_project_now(w)
    return [
        Action("file.open_folder", "&File", "Open images folder…", w.opening.ask_folder, ("Ctrl+O",), "ph.folder-open"),
        Action(
            "file.open_project", "&File", "Open project…", w.opening.ask_project, ("Ctrl+Shift+O",), "ph.archive-box"
        ),
        Action("file.sample", "&File", "Open the sample project", w.opening.open_sample, (), "ph.flask"),
        Action("file.add", "&File", "Add images…", w.opening.ask_images, (), "ph.plus", enabled=can_write_now(w)),
        Action(
            "file.add_folder",
            "&File",
            "Add a folder…",
            w.opening.ask_images_folder,
            (),
            "ph.folder-plus",
            "Adds all images in a folder, or the image that a folder is (OME-Zarr)",
            enabled=can_write_now(w),
        ),
        Action(
            "file.import_masks",
            "&File",
            "Import masks…",
            w.opening.ask_masks,
            (),
            "ph.download-simple",
            "Takes label images of other programs for the images that have no labels yet",
            enabled=can_write_now(w),
        ),
        Action(
            "file.save",
            "&File",
            "Save now",
            lambda: _save_now(w.session),
            ("Ctrl+S",),
            "ph.floppy-disk",
            "Every stroke is saved as you draw; this also writes the label files now",
            enabled=can_edit_now(w),
            separator=True,
        ),
        Action("file.export", "&File", "Export…", w.export, ("Ctrl+E",), "ph.export", enabled=has_project),
        Action(
            "file.verify",
            "&File",
            "Verify project…",
            lambda: _verify(w),
            (),
            "ph.shield-check",
            "Reads every file of the project and says whether all of it is as it was saved",
            enabled=has_project,
        ),
        Action(
            "file.close",
            "&File",
            "Close project",
            w.close_project,
            ("Ctrl+W",),
            enabled=has_project,
            separator=True,
        ),
        Action("file.quit", "&File", "Quit", w.close, ("Ctrl+Q",)),
    ]


def _verify(window: "MainWindow") -> None:
    """Verify the open project in a window beside the work, or bring that to the front."""
    project = window.session.project
    if project is None:
        return
    dialog = next((found for found in window.findChildren(VerifyDialog) if found.isVisible()), None)
    if dialog is None:
        dialog = VerifyDialog(project.folder, project.name, window.session.background, window)
        dialog.show()
    else:
        dialog.raise_()
    dialog.activateWindow()


def _save_now(session: Session) -> None:
    """Write the label files now, without waiting for the next quiet moment."""
    if session.document is not None:
        session.document.checkpoint()
