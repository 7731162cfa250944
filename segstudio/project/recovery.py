"""What opening an image finds: files, journal, both brought together; nothing of another program is overwritten."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from segstudio.io.atomic import make_folders, remove_leftovers
from segstudio.io.disk import DISK, Disk, DiskError, disk_errors
from segstudio.labels.history import ObjectChange, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.restoring import NAME as RESTORED
from segstudio.project.annotation_files import AnnotationFiles, keep_foreign
from segstudio.project.annotation_reader import AnnotationReader
from segstudio.project.bringing_back import bring_back
from segstudio.project.checksums import Sums
from segstudio.project.foreign import SeenFiles, restore_unjournalled
from segstudio.project.free_names import free_path
from segstudio.project.journal import SUFFIX, Journal, JournalPlace, read_journal
from segstudio.project.journal_records import JournalRecord
from segstudio.project.mending import Found, Mending, mend
from segstudio.project.opening_words import OpeningWords
from segstudio.project.origin import Origin
from segstudio.project.replay import Replayed, replay
from segstudio.project.replay_chains import TileId
from segstudio.project.rescue import ImageRescue
from segstudio.project.second_truth import choose_truth, keep_others

#: What is assumed of an object that only has pixels.
_UNKNOWN: Final = ObjectInfo(source="import", state="unreviewed")


@dataclass
class Recovered:
    """An annotation as it was after the last finished action.

    Attributes
    ----------
    planes
        The annotation.
    done, undone
        Records that can be undone (oldest first) and redone (in the order in which they were undone).
    last
        Newest sequence number in the journal.
    newest
        Newest record in it; ``None`` without any.
    changed, table_changed
        What the files do not have yet.
    whole
        Files to be written whole, since what they hold cannot be trusted.
    repair
        Rows to add for objects that have pixels but no row.
    rescue
        Where to keep what the disk refuses, with what is to go from there to the journal.
    notices
        Sentences for the user.
    journal_loss
        That of them which says that actions are lost with a damaged journal, or may be; empty when none is.
    """

    planes: Planes
    done: tuple[JournalRecord, ...] = ()
    undone: tuple[JournalRecord, ...] = ()
    last: int = 0
    newest: JournalRecord | None = None
    changed: set[TileId] = field(default_factory=set)
    table_changed: bool = False
    whole: set[Path] = field(default_factory=set)
    repair: tuple[ObjectChange, ...] = ()
    rescue: ImageRescue | None = None
    notices: list[str] = field(default_factory=list)
    journal_loss: str = ""


def recover(
    files: AnnotationFiles,
    image_id: str,
    shape: tuple[int, int],
    *,
    read_only: bool = False,
    disk: Disk = DISK,
    rescue: ImageRescue | None = None,
) -> Recovered:
    """Read the annotation of an image and apply what only the journal and the rescue store have.

    Parameters
    ----------
    files
        Where it lies; nothing need exist.
    shape
        ``(rows, columns)`` of the image.
    read_only
        Write nothing at all, not even copies of foreign files.
    rescue
        What the disk has refused earlier.

    Raises
    ------
    BadInput
        A file is damaged and the journal cannot replace it.
    DiskError
        A version of another program could not be copied, or the disk refused the sums of what the journal has lost.
    """
    if not read_only:
        remove_leftovers(files.journal, disk)
    # The files first: what is published between the two reads is in the journal as well.
    seen = SeenFiles(files)
    early = AnnotationReader(files, shape)
    journal = read_journal(JournalPlace(files.journal, image_id, shape))
    planes = early.planes(bool(journal.records))
    parted = choose_truth(planes, journal, seen.saved)
    journal = journal if parted is None else parted.journal
    seen.believe(planes, journal.records, lambda: files.read_base(shape))
    held = seen.held(journal.records) if journal.files else {}
    origin = Origin(files, planes, journal, seen.saved)
    result = replay(planes, journal.records, origin, seen.trusts, held)
    restore_unjournalled(planes, journal.records, origin, seen.changed_planes, result)
    found = Recovered(planes, changed=result.changed, table_changed=result.table_changed)
    words = _words(files, journal, {*early.unreadable, *seen.missing}, seen.saved)
    found.notices.extend(seen.notices(words, journalled=bool(journal.records)))
    foreign = set(early.unreadable) | (_foreign_paths(files, result) - seen.trusted) | seen.changed
    foreign -= seen.without(journal.records)
    found.whole = foreign | seen.missing if journal.records else set(early.unreadable)
    for path in sorted(foreign):
        kept = None if read_only else keep_foreign(path, disk)
        found.notices.append(words.foreign(path, kept, lost=path in _lost_paths(files, result)))
    place = JournalPlace(files.journal, image_id, shape)
    if parted is not None:
        found.notices.append(keep_others(planes, parted, files, place, None if read_only else disk))
    lost = bool(result.lost or result.lost_table)
    known = bool(seen.saved) or not any(path.exists() for path in files.published)
    state = Found(seen.saved, lost, known and not (seen.missing or foreign))
    journal = _mend(found, journal, words, Mending(place, origin, state, None if read_only else disk))
    found.last, found.newest = journal.last, next(iter(journal.records[-1:]), None)
    found.done, found.undone = _stacks(journal.records)
    if rescue is not None:
        _take_rescued(found, journal, rescue, files, None if read_only else disk)
    with disk_errors(files.labels, "read"):
        disk.check_place()  # whether it went meanwhile: what is not there any more was read as blank
    if not read_only:
        if found.changed or found.table_changed:
            found.notices.extend(_confirm(files, journal, disk))
        seen.learn(disk)
        # Before one of them is given to another action: the files would seem to hold that one after a kill.
        Sums(files.sums, disk).give_up_after(found.last, files.published)
    unknown = planes.labels.values() - set(planes.objects)
    found.repair = tuple(ObjectChange(object_id, None, _UNKNOWN) for object_id in sorted(unknown))
    return found


def _words(files: AnnotationFiles, journal: Journal, ruined: set[Path], saved: int) -> OpeningWords:
    whole = journal.last >= saved and all(file.whole for file in journal.files)
    last = journal.records[-1:]
    went_back = any(record.kind == "repair" and record.edit.name == RESTORED for record in last)
    return OpeningWords(files, ruined, whole, went_back)


def _mend(found: Recovered, journal: Journal, words: OpeningWords, mending: Mending) -> Journal:
    """Return the journal that goes on, and say what is wrong with the one that was found."""
    files, state, disk = words.files, mending.found, mending.disk
    mended = mend(found.planes, journal, words, mending)
    if mended is not None:
        found.notices.append(mended.notice)
        found.journal_loss = mended.notice if mended.loses else ""
        journal = replace(journal, records=mended.records)
    elif state.lost:
        loses = words.labels_ruined or (journal.last > state.saved and not all(file.whole for file in journal.files))
        found.notices.append(words.unfit(loses=loses))
        found.journal_loss = found.notices[-1] if loses else ""
        if disk is not None:
            _put_aside(files.journal, disk)
        journal = Journal(())
    elif state.saved and not journal.files:
        found.notices.append(words.gone())
    if state.lost or (mended is not None and mended.ahead):
        found.whole |= {path for path in files.published if path.exists()}
        found.table_changed = True
    return journal


def _take_rescued(
    found: Recovered, journal: Journal, rescue: ImageRescue, files: AnnotationFiles, disk: Disk | None
) -> None:
    """Add what only the rescue store has."""
    new, notices = bring_back(found.planes, journal, rescue, files, disk)
    found.notices.extend(notices)
    if disk is not None:
        found.rescue = rescue
    if new:
        found.changed |= {(delta.plane, delta.key) for record in new for delta in record.edit.tiles}
        found.table_changed = True
        found.last, found.newest = new[-1].seq, new[-1]
        found.done, found.undone = _stacks((*journal.records, *new))


def _confirm(files: AnnotationFiles, journal: Journal, disk: Disk) -> list[str]:
    """Have on the medium what a session that was killed had not synced; return what to say when the disk refuses."""
    ends = [file.path for file in journal.files if file.records and file.records[-1].seq == journal.last]
    try:
        with disk_errors(files.journal, "saved"):
            for path in filter(Path.exists, ends):
                disk.sync_file(path)
            for folder in (files.journal, *files.journal.parents[:2]) if ends else ():
                disk.sync_folder(folder)
    except DiskError as error:
        return [
            f"Whether the last actions on {files.labels.stem} would survive a power cut is not known, since "
            f"{error.reason}; they do once its label files are written."
        ]
    return []


def _foreign_paths(files: AnnotationFiles, result: Replayed) -> set[Path]:
    paths = {files.labels if plane == "labels" else files.regions for plane, _ in result.foreign}
    if result.foreign_table:
        paths.add(files.objects)
    return {path for path in paths | _lost_paths(files, result) if path.exists()}


def _lost_paths(files: AnnotationFiles, result: Replayed) -> set[Path]:
    lost = {files.labels if plane == "labels" else files.regions for plane, _ in result.lost}
    return lost | {files.objects} if result.lost_table else lost


def _put_aside(folder: Path, disk: Disk) -> None:
    """Move a journal that no longer fits out of the way; it is kept."""
    target = free_path(folder, "conflict-")
    make_folders(target, disk)
    with disk_errors(folder, "put aside"):
        for path in sorted(folder.iterdir()):
            if path.suffix == SUFFIX or path.name.startswith("base-"):
                disk.replace(path, target / path.name)
        disk.sync_folder(target)
        disk.sync_folder(folder)


def _stacks(records: Iterable[JournalRecord]) -> tuple[tuple[JournalRecord, ...], tuple[JournalRecord, ...]]:
    """Return what can be undone and redone after all records."""
    done: list[JournalRecord] = []
    undone: list[JournalRecord] = []
    last = 0
    for record in records:
        if record.seq != last + 1:  # a gap: what lies before cannot be undone any more
            done.clear()
            undone.clear()
        last = record.seq
        if record.kind == "edit":
            done.append(record)
            undone.clear()
        elif record.kind == "undo" and done and done[-1].seq == record.ref:
            undone.append(done.pop())
        elif record.kind == "redo" and undone and undone[-1].seq == record.ref:
            done.append(undone.pop())
        elif record.kind != "repair":  # a gap: what lies before cannot be undone any more
            done.clear()
            undone.clear()
    return tuple(done), tuple(undone)
