"""A journal file that another program replaced, changed or removed while it was written here: both are kept."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.io.atomic import AppendFile, copy_atomic, make_folders, write_atomic
from segstudio.io.disk import Disk, disk_errors
from segstudio.io.regular_file import open_regular
from segstudio.project.free_names import free_path
from segstudio.project.journal import JournalPlace, decode_file, read_journal
from segstudio.project.journal_records import JournalRecord

#: Folder for what another program put in the place of a journal file, before its number.
FOREIGN: Final = "foreign"
#: What is said when a part of the journal is gone.
IN_PART: Final = "Your labels are all there; what you did earlier can no longer be undone once the image is closed."


def put_right(file: AppendFile, again: Path, place: JournalPlace, disk: Disk) -> str:
    """Keep what lies where a journal file was, and write again what was written here.

    Parameters
    ----------
    file
        Nothing is written to it any more.
    again
        Where to write it again.

    Returns
    -------
    The sentence for the user; empty when both are the same.

    Raises
    ------
    DiskError
        Nothing has changed then.
    """
    ours = file.contents()
    with disk_errors(file.path, "read"):
        try:
            with open_regular(file.path) as found:
                theirs = found.read()
        except FileNotFoundError:
            theirs = None
    if ours == theirs:
        if not file.in_place(times=False):
            _confirm(file.path, disk)
        return ""
    says = f"The journal {file.path.name} was taken away by another program while the image was open here."
    if theirs is not None:
        target = free_path(place.folder, f"{FOREIGN}-")
        make_folders(target, disk)
        copy_atomic(file.path, target / file.path.name, disk)
        says = (
            f"The journal {file.path.name} was changed by another program while the image was open here. "
            f"What it holds now is kept in {place.folder.name}/{target.name}."
        )
    if ours is not None:
        write_atomic(again, ours, disk)
        says += " Your own actions were written again."
    else:
        says += f" {IN_PART}"
    if theirs is not None and not _readable(file.path, place):
        with disk_errors(file.path, "put aside"), suppress(FileNotFoundError):
            disk.unlink(file.path)
    return says


def rest_of(file: AppendFile, place: JournalPlace, durable: int) -> list[JournalRecord]:
    """Return what a file held of a journal of which nothing is left.

    Parameters
    ----------
    file
        Nothing is written to it any more.
    durable
        Number of the last action that is wanted; none is when that one cannot be had, or those before it.

    Raises
    ------
    DiskError
        The disk does not answer.
    """
    data = file.contents()
    held = {} if data is None else {item.seq: item for item in decode_file(file.path, data, place, {}).records}
    first = durable + 1
    while first - 1 in held:
        first -= 1
    return [held[seq] for seq in range(first, durable + 1)]


def _confirm(path: Path, disk: Disk) -> None:
    """Have on the medium what another program has written: it need not have waited for that."""
    with disk_errors(path, "written"):
        disk.sync_file(path)
        disk.sync_folder(path.parent)


def _readable(path: Path, place: JournalPlace) -> bool:
    try:
        # All of them: what it undoes may lie in others.
        found = next((file for file in read_journal(place).files if file.path == path), None)
    except BadInput:
        return False
    return found is not None and found.whole and bool(found.records)
