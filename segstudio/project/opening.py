"""Taking hold of a project's folder: a new one is set up or nothing is left behind, an old one is locked and read."""

from collections.abc import Sequence
from pathlib import Path

from segstudio.core.errors import BadInput, UserError
from segstudio.io.atomic import make_folders, remove_folders, remove_leftovers
from segstudio.io.disk import Disk, DiskError
from segstudio.project.image_bytes import FILE as SUMS
from segstudio.project.image_bytes import begin
from segstudio.project.intake import Intake
from segstudio.project.layout import Layout, is_project
from segstudio.project.lock import Holder, ProjectLock
from segstudio.project.manifest import BACKUP, MANIFEST, Manifest
from segstudio.project.manifest_file import keep_replaced, load_manifest, save_manifest, sums_of_manifest
from segstudio.project.outward import refuse_links_out


def set_up(folder: Path, paths: Sequence[Path], name: str, disk: Disk) -> tuple[Manifest, ProjectLock, list[str]]:
    """Make a project of the images among `paths`; return it locked, and what could not be taken.

    Raises
    ------
    UserError
        See `Project.create`. Nothing is left behind then.
    """
    _refuse_existing(folder)
    intake = Intake(folder, ())
    problems = intake.add_all(paths)
    if paths and not intake.added:
        first = problems[0] if problems else f"There is no image in “{paths[0].name}”."
        raise BadInput(
            first.strip(),
            hint="Choose a folder with TIFF, PNG or JPEG images.",
            code="no-images",
            path=paths[0],
        )
    layout = Layout(folder)
    made = make_folders(layout.internal, disk)
    lock = ProjectLock(layout.lock, disk)
    ours = False
    try:
        lock.acquire()
        _refuse_existing(folder)
        ours = True
        begin(layout.internal, intake.sums, disk)  # before the list: never is one there whose images may be exchanged
        manifest, _ = save_manifest(folder, Manifest(name or folder.name, tuple(intake.added)), disk)
    except BaseException:
        if ours:  # after a rename whose sync failed the file is there already
            sums = sums_of_manifest(folder)
            for path in (folder / MANIFEST, folder / BACKUP, sums, layout.internal / SUMS):
                path.unlink(missing_ok=True)
            remove_folders([sums.parent], disk)
        lock.release()
        if made:
            layout.lock.unlink(missing_ok=True)
        remove_folders(made, disk)
        raise
    return manifest, lock, problems


def take_hold(folder: Path, disk: Disk, take_from: Holder | None = None) -> tuple[Manifest, ProjectLock, list[str]]:
    """Lock a project and read it; return with it sentences about what was found.

    Parameters
    ----------
    take_from
        Who has not closed it on another computer, which is off.

    Raises
    ------
    UserError
        See `Project.open`.
    """
    layout = Layout(folder)
    refuse_links_out(layout)
    lock = ProjectLock(layout.lock, disk)
    try:
        make_folders(layout.internal, disk)
        lock.acquire(take_from)
    except DiskError as error:
        if error.code in ("read-only", "no-permission"):
            error.hint = "Open it for reading only, or copy the project to a disk that can be written to."
        raise
    try:
        # Not before: another program may have written until the lock was ours.
        manifest, warnings = load_manifest(folder, interrupted=lock.interrupted)
        if kept := keep_replaced(folder, disk):  # one sentence behind the other: why, then where
            warnings = [" ".join([*warnings[:1], kept]), *warnings[1:]]
        for place in (folder, layout.labels, layout.regions, layout.sums):
            remove_leftovers(place, disk)
    except BaseException:
        lock.release(clean=not lock.interrupted)
        raise
    return manifest, lock, warnings


def _refuse_existing(folder: Path) -> None:
    if is_project(folder):
        raise UserError(
            f"{folder.name} is a project already.",
            hint="Open it, or choose another folder for the new one.",
            code="project-exists",
            path=folder,
        )
