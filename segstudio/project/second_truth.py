"""A journal that was continued in two places: what fits the label file goes on, the other truth is kept beside it.

Sync programs bring the journal files of another computer. Both have begun where the last common action has ended, so
their actions have the same numbers and another content. Or only some of their files have come: no number is there
twice then, but they do not go on from where this computer is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio.io.atomic import make_folders
from segstudio.io.disk import Disk
from segstudio.io.labels_file import write_tiles
from segstudio.io.objects_file import write_objects
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectTable
from segstudio.project.annotation_files import AnnotationFiles, foreign_version
from segstudio.project.free_names import free_paths
from segstudio.project.journal import Journal, JournalFile, JournalPlace, is_of_this_computer, mark_of
from segstudio.project.journal_records import JournalRecord, encode_record, table_digest
from segstudio.project.mending import put_aside
from segstudio.project.replay import fits
from segstudio.project.replay_chains import TileId


@dataclass(frozen=True)
class Parted:
    """A journal with two truths.

    Attributes
    ----------
    journal
        The one that goes on.
    first
        Number of the first action that is there with another content.
    others
        The records of the others, from there on.
    files
        Those with records of others, the last actions first: removed in this order, what a kill leaves of them never
        seems to go on from the truth that stays.
    """

    journal: Journal
    first: int
    others: tuple[tuple[JournalRecord, ...], ...]
    files: tuple[JournalFile, ...]


def choose_truth(planes: Planes, journal: Journal, saved: int) -> Parted | None:
    """Return which truth of a journal goes on from `planes`, as read from the disk; ``None`` when there is only one.

    Where the label files are older than both, it is the one of this computer.

    Parameters
    ----------
    saved
        Number of the last action in `planes` as far as it is known, 0 otherwise: labels may return to a state that
        both have been in.
    """
    first = journal.parted
    if first is None:
        return _choose_unconnected(planes, journal, saved)
    begun: dict[bytes, JournalFile] = {}
    for file in journal.files:
        for record in file.records:
            if record.seq == first:
                begun.setdefault(encode_record(record), file)
    truths = [(file, _truth(file, journal.files, first)) for file in begun.values()]
    ours = max(truths, key=lambda item: _rank(planes, saved, item[1], item[0], [records for _, records in truths]))
    known = {record.seq: record for record in ours[1]}
    foreign = [file for file in journal.files if not all(_is_in(known, record) for record in file.records)]
    return Parted(
        replace(journal, records=ours[1], files=tuple(file for file in journal.files if file not in foreign)),
        first,
        tuple(tuple(record for record in truth if record.seq >= first) for file, truth in truths if file != ours[0]),
        tuple(reversed(foreign)),
    )


def _rank(
    planes: Planes,
    saved: int,
    records: Sequence[JournalRecord],
    begun: JournalFile,
    truths: Iterable[Sequence[JournalRecord]],
) -> tuple[bool, bool, bool]:
    fit = fits(planes, records) and _holds_none_of_others(planes, records, truths)
    return fit, records[-1].seq >= saved, is_of_this_computer(begun.path)


def _holds_none_of_others(
    planes: Planes, records: Sequence[JournalRecord], truths: Iterable[Sequence[JournalRecord]]
) -> bool:
    """Whether tiles that only other truths have changed are as they were before."""
    own = {(delta.plane, delta.key) for record in records for delta in record.edit.tiles}
    first: dict[TileId, bytes] = {}
    for record in (record for truth in truths for record in truth):
        for delta in record.edit.tiles:
            if (delta.plane, delta.key) not in own:
                first.setdefault((delta.plane, delta.key), delta.before)
    return all(planes.plane(plane).digest(key) == before for (plane, key), before in first.items())


def _choose_unconnected(planes: Planes, journal: Journal, saved: int) -> Parted | None:
    """Return the truth that goes on when files of another computer do not begin where the others end."""
    files = sorted((file for file in journal.files if file.records), key=lambda file: file.records[0].seq)
    if not all(file.whole for file in journal.files):
        return None  # what does not follow may do so from what cannot be read
    truths: list[tuple[list[JournalFile], dict[int, JournalRecord]]] = []
    for file in files:
        goes_on = next((truth for truth in truths if _goes_on(file, truth[1])), None)
        if goes_on is not None:
            goes_on[0].append(file)
            goes_on[1].update((record.seq, record) for record in file.records)
        elif truths and mark_of(file.path) == mark_of(truths[0][0][-1].path):
            return None  # a file of our own is missing
        else:
            truths.append(([file], {record.seq: record for record in file.records}))
    if len(truths) < 2:
        return None
    records = [tuple(known.values()) for _, known in truths]
    ours = max(range(len(truths)), key=lambda item: _rank(planes, saved, records[item], truths[item][0][0], records))
    others = [item for item in range(len(truths)) if item != ours]
    return Parted(
        replace(journal, records=records[ours], files=tuple(truths[ours][0])),
        min(records[item][0].seq for item in others),
        tuple(records[item] for item in others),
        tuple(file for item in others for file in reversed(truths[item][0])),
    )


def _goes_on(file: JournalFile, chain: dict[int, JournalRecord]) -> bool:
    """Whether the first action of a file that is not in `chain` follows from it."""
    new = next((record for record in file.records if record.seq not in chain), None)
    return new is None or _follows(_with_own_actions(new, chain), chain)


def _truth(begun: JournalFile, files: Sequence[JournalFile], first: int) -> tuple[JournalRecord, ...]:
    """Return the records that belong to those of the file `begun`, which has the action `first`."""
    common = [record for file in files for record in file.records if record.seq < first]
    chain = {record.seq: record for record in common}
    for file in (begun, *(file for file in files if file != begun)):
        belongs = file == begun
        for found in file.records:
            record = _with_own_actions(found, chain)
            if record.seq not in chain and (belongs or _follows(record, chain)):
                chain[record.seq], belongs = record, True
            elif not _is_in(chain, record):
                break
    return tuple(chain[seq] for seq in sorted(chain))


def _with_own_actions(record: JournalRecord, chain: dict[int, JournalRecord]) -> JournalRecord:
    """Return an undo or redo of what has the number in `chain`, not in another truth."""
    if record.ref not in chain or record.prev:
        return record
    edit = chain[record.ref].edit
    return replace(record, edit=replace(edit.inverse if record.kind == "undo" else edit, name=record.edit.name))


def _is_in(chain: dict[int, JournalRecord], record: JournalRecord) -> bool:
    known = chain.get(record.seq)
    if known is not None and record.prev:
        return known.identity == record.identity
    return known is not None and encode_record(known) == encode_record(_with_own_actions(record, chain))


def _follows(record: JournalRecord, chain: dict[int, JournalRecord]) -> bool:
    before = chain.get(record.seq - 1)
    if before is not None and record.prev:
        return before.identity == record.prev
    if before is None or before.table_after != record.table_before:
        return False
    states: dict[TileId, bytes] = {}
    for seq in sorted(seq for seq in chain if seq < record.seq):
        states |= {(delta.plane, delta.key): delta.after for delta in chain[seq].edit.tiles}
    return all(states.get((delta.plane, delta.key), delta.before) == delta.before for delta in record.edit.tiles)


def keep_others(planes: Planes, parted: Parted, files: AnnotationFiles, place: JournalPlace, disk: Disk | None) -> str:
    """Keep the truths that do not go on; return the sentence that tells where.

    Parameters
    ----------
    planes
        As they are after the journal that goes on.
    disk
        ``None`` to write nothing.

    Raises
    ------
    DiskError
        They could not be kept.
    """
    count = max(len(other) for other in parted.others)
    which, are = ("action", "is") if count == 1 else (f"{count} actions", "are")
    says = (
        f"{files.labels.stem} was worked on in two places at the same time. What is shown here is one of both; "
        f"the last {which} of the other one {are} "
    )
    if disk is None:
        return f"{says}in its journal. Open the project for writing to have them kept in a file of their own."
    ours = [record for record in parted.journal.records if record.seq >= parted.first]
    sides = [other_side(planes, ours, other) or _from_base(files, planes.shape, other) for other in parted.others]
    written = [write_beside(files, side, disk).name for side in sides if side is not None]
    folder = put_aside(place, parted.files, parted.first - 1, None, disk, name="second")
    return f"{says}kept in {' and '.join(written) or f'{folder.parent.name}/{folder.name}'}. Compare both."


def _from_base(files: AnnotationFiles, shape: tuple[int, int], records: Sequence[JournalRecord]) -> Planes | None:
    """Return what the records lead to from the planes before the first one; ``None`` when they do not begin there."""
    base = files.read_base(shape)
    if base is None or not continues(base, records):
        return None
    for record in records:
        base.apply(record.edit)
    return base


def continues(planes: Planes, records: Iterable[JournalRecord]) -> bool:
    """Whether the records begin where `planes` are, and each where the one before ends."""
    tiles: dict[TileId, bytes] = {}
    table = table_digest(planes.objects)
    for record in records:
        if record.table_before != table:
            return False
        table = record.table_after
        for delta in record.edit.tiles:
            tile = delta.plane, delta.key
            if tiles.get(tile, planes.plane(delta.plane).digest(delta.key)) != delta.before:
                return False
            tiles[tile] = delta.after
    return True


def other_side(planes: Planes, ours: Sequence[JournalRecord], theirs: Sequence[JournalRecord]) -> Planes | None:
    """Return `planes` as they would be with `theirs` in the place of `ours`; ``None`` when that cannot be."""
    other = Planes(
        planes.labels.snapshot(),
        planes.regions.snapshot(),
        ObjectTable(dict(planes.objects), planes.objects.next_id()),
    )
    back = [
        JournalRecord(record.seq, "undo", record.edit.inverse, record.table_after, record.table_before)
        for record in reversed(ours)
    ]
    for records in (back, theirs):
        if not continues(other, records):
            return None
        for record in records:
            other.apply(record.edit)
    return other


def write_beside(files: AnnotationFiles, planes: Planes, disk: Disk) -> Path:
    """Write the planes as a version of another program would be kept; return the path of the labels."""
    beside = free_paths(lambda number: tuple(foreign_version(path, number) for path in files.published))
    labels, regions, objects = beside
    for path, plane in ((labels, planes.labels), (regions, planes.regions)):
        make_folders(path.parent, disk)
        write_tiles(path, plane.shape, plane.dtype, {key: plane.stored(key) for key in plane.keys()}, None, disk)  # noqa: SIM118 - no mapping
    write_objects(objects, planes.objects, planes.objects.next_id(), disk)
    return labels
