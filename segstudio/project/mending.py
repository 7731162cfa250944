"""A journal that is damaged: what lies before goes on, what the label files hold more becomes one step of it.

Only the damaged part is put aside, in a folder beside the journal; nothing is thrown away. A file that is damaged
before its end stays in its place, since what follows would seem to follow from nothing without it: its copy there
says that the user was told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from segstudio.io.atomic import copy_atomic, make_folders, write_atomic
from segstudio.io.disk import Disk, disk_errors
from segstudio.io.regular_file import limited_bytes
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectTable
from segstudio.labels.restoring import restoration
from segstudio.project.free_names import free_path
from segstudio.project.journal import (
    SIZE_LIMIT,
    Journal,
    JournalFile,
    JournalPlace,
    encode_header,
    expected_header,
    file_name,
    new_session,
)
from segstudio.project.journal_records import (
    JournalRecord,
    changed_digest,
    encode_record,
    encode_records,
    table_digest,
)
from segstudio.project.opening_words import OpeningWords
from segstudio.project.replay import Base
from segstudio.project.replay_chains import TileId

#: What the undo menu calls what the label files hold more than the journal.
NAME: Final = "Work from the label file"
_ASIDE: Final = "damaged"


@dataclass(frozen=True)
class Found:
    """What is known of the published files beside a journal.

    Attributes
    ----------
    saved
        Number of the last action that they hold.
    lost
        Whether they hold what does not follow from the journal.
    trusted
        Whether nobody else has changed them or taken one away, as far as is known.
    """

    saved: int
    lost: bool
    trusted: bool


@dataclass(frozen=True)
class Mended:
    """A journal that goes on.

    Attributes
    ----------
    records
        Those that can be read, and the step that leads to what the files hold.
    notice
        Sentences for the user.
    ahead
        Whether the files hold what these records do not lead to, or did before the step.
    loses
        Whether an action is lost, or may be.
    """

    records: tuple[JournalRecord, ...]
    notice: str
    ahead: bool
    loses: bool


@dataclass(frozen=True)
class Mending:
    """What a journal is mended with.

    Attributes
    ----------
    place
        Where it lies.
    origin
        Gives the planes before its first action.
    found
        What is known of the published files.
    disk
        ``None`` to write nothing.
    """

    place: JournalPlace
    origin: Base
    found: Found
    disk: Disk | None


def mend(planes: Planes, journal: Journal, words: OpeningWords, mending: Mending) -> Mended | None:
    """Let a damaged journal go on from what is shown.

    Parameters
    ----------
    planes
        As they are shown; their object table is brought in step.
    words
        What is said of it.

    Returns
    -------
    ``None`` when nothing is damaged of which the user was not told, or when nothing of the journal leads to what is
    shown.

    Raises
    ------
    DiskError
        The damaged part could not be put aside.
    """
    place, found, disk = mending.place, mending.found, mending.disk
    ends, inside = _damaged(journal)
    untold = [file for file in inside if not _is_kept(file, place)]
    ahead = bool(journal.files) and found.saved > journal.last
    if not (ends or untold or found.lost or ahead):
        gone = sum(seq > found.saved for seq in _missing(journal))  # what the label files have is told by nothing
        return Mended(journal.records, words.missing(gone), ahead=False, loses=True) if gone and not inside else None
    kept, step = list(journal.records), None
    if kept and (found.lost or ahead):
        kept, step = _cut(planes, journal, mending.origin())
    if found.lost and not kept:
        return None
    last = kept[-1].seq if kept else 0
    only_headers = not (ends or found.lost or ahead or _missing(journal))
    touched = [
        file
        for file in journal.files
        if file in ends or not kept or _goes_beyond(file, last) or (only_headers and file in untold)
    ]
    copied = [file for file in untold if file not in touched]
    folder = None
    if (touched or copied) and disk is not None:
        folder = put_aside(place, touched, last, step, disk, copied=copied)
    elif step is not None and disk is not None:
        _write_step(place, step, disk)
    lost = _lost_actions(journal, found, ends)
    if only_headers:
        notice = words.only_headers()
    else:
        notice = words.damaged(lost, can_go_back=bool(kept), inside=not (found.lost or ahead or ends))
    if folder is not None:
        notice += f" The damaged part is kept in {folder.parent.name}/{folder.name}."
    records = (*kept, step) if step is not None else tuple(kept)
    return Mended(records, notice, found.lost or ahead, loses=lost != 0 and not only_headers)


def _damaged(journal: Journal) -> tuple[list[JournalFile], list[JournalFile]]:
    """Return the files with damaged records at the end of the journal, and those on whose damage more follows."""
    known = {record.seq for record in journal.records}
    broken = [file for file in journal.files if file.unread != 0 and _next(file) not in known]
    ends = [file for file in broken if _next(file) > journal.last]
    return ends, [file for file in journal.files if (file.damaged or file in broken) and file not in ends]


def _is_kept(file: JournalFile, place: JournalPlace) -> bool:
    """Whether a file was kept as it is now when it was found to be damaged."""
    copies = place.folder.glob(f"{_ASIDE}-*/{file.path.name}")
    try:
        data = limited_bytes(file.path, SIZE_LIMIT)
        return any(copy.stat().st_size == len(data) and limited_bytes(copy, SIZE_LIMIT) == data for copy in copies)
    except OSError:
        return False


def _missing(journal: Journal) -> set[int]:
    """Return the numbers of the actions before the last one that cannot be read."""
    return set(range(1, journal.last)) - {record.seq for record in journal.records}


def _goes_beyond(file: JournalFile, last: int) -> bool:
    return any(record.seq > last for record in file.records) or (file.rest > 0 and _next(file) > last)


def _next(file: JournalFile) -> int:
    digits = file.path.name[:12]
    return file.records[-1].seq + 1 if file.records else int(digits) if digits.isdecimal() else 1


def _lost_actions(journal: Journal, found: Found, ends: Sequence[JournalFile]) -> int | None:
    """Return how many actions are nowhere any more; ``None`` when nobody can tell."""
    missing = _missing(journal)
    unread = ends[-1].unread if ends else 0
    if not found.trusted or unread is None or any(seq > found.saved for seq in missing):
        return None
    held = found.saved if found.lost else max(found.saved, journal.last)
    nowhere = max(0, journal.last + unread - held)
    return None if nowhere and found.lost and missing else nowhere


def _cut(planes: Planes, journal: Journal, before: Planes | None) -> tuple[list[JournalRecord], JournalRecord | None]:
    """Return the records up to the damage, and the step from there to `planes`."""
    kept = [] if before is None else _follow(before, journal.records)
    if before is None or not kept:
        return [], None
    step = restoration(before, planes, NAME)
    was = table_digest(before.objects)
    record = None
    if step is not None:
        now = changed_digest(was, step.record.objects)
        record = JournalRecord(kept[-1].seq + 1, "edit", step.record, was, now, prev=kept[-1].identity)
        for change in step.record.objects:
            before.objects.set(change.id, change.after)
    planes.objects = ObjectTable(dict(before.objects), max(before.objects.next_id(), planes.objects.next_id()))
    return kept, record


def _follow(planes: Planes, records: Iterable[JournalRecord]) -> list[JournalRecord]:
    """Do on `planes` what the records say as long as each follows from the one before; return those."""
    done: list[JournalRecord] = []
    digests: dict[TileId, bytes] = {}
    table = table_digest(planes.objects)
    for record in records:
        starts = {(delta.plane, delta.key): delta.before for delta in record.edit.tiles}
        is_at = {tile: digests.get(tile, planes.plane(tile[0]).digest(tile[1])) for tile in starts}
        if record.seq != len(done) + 1 or record.table_before != table or starts != is_at:
            break
        planes.apply(record.edit)
        digests |= {(delta.plane, delta.key): delta.after for delta in record.edit.tiles}
        table = record.table_after
        done.append(record)
    return done


def put_aside(  # noqa: PLR0913 - two kinds of files
    place: JournalPlace,
    touched: Sequence[JournalFile],
    last: int,
    step: JournalRecord | None,
    disk: Disk,
    *,
    name: str = _ASIDE,
    copied: Sequence[JournalFile] = (),
) -> Path:
    """Copy files away and leave of them what lies up to the action `last`; return the folder of the copies.

    Parameters
    ----------
    step
        Is written to a file of its own before anything goes.
    name
        Of the folder, before its number.
    copied
        Are copied there, and stay as they are.

    Raises
    ------
    DiskError
        Nothing is lost then.
    """
    target = free_path(place.folder, f"{name}-")
    make_folders(target, disk)
    for file in (*touched, *copied):
        copy_atomic(file.path, target / file.path.name, disk)
    if step is not None:  # before anything goes: a kill in between leaves what was there, and the step
        _write_step(place, step, disk)
    for file in touched:
        kept = [record for record in file.records if record.seq <= last]
        if kept:
            header = expected_header(file.path, place) or encode_header(place, new_session(), kept[0].seq)
            write_atomic(file.path, header + encode_records(kept), disk)
        else:
            with disk_errors(file.path, "put aside"):
                disk.unlink(file.path)
                disk.sync_folder(place.folder)
    return target


def _write_step(place: JournalPlace, step: JournalRecord, disk: Disk) -> None:
    session = new_session()
    data = encode_header(place, session, step.seq) + encode_record(step)
    write_atomic(place.folder / file_name(step.seq, session, 0), data, disk)
