"""What the rescue store has of an image goes back to where it belongs; a second truth is kept beside the first."""

from collections.abc import Sequence
from pathlib import Path

from segstudio.io.atomic import make_folders
from segstudio.io.disk import Disk, DiskError
from segstudio.io.labels_file import write_tiles
from segstudio.io.objects_file import write_objects
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectTable
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.journal import Journal
from segstudio.project.journal_records import JournalRecord, encode_record, table_digest
from segstudio.project.mending import free_folder
from segstudio.project.replay import TileId
from segstudio.project.rescue import ImageRescue


def bring_back(
    planes: Planes, journal: Journal, rescue: ImageRescue, files: AnnotationFiles, disk: Disk | None
) -> tuple[list[JournalRecord], list[str]]:
    """Do on `planes`, which have all of the journal, what only the rescue store has.

    Parameters
    ----------
    rescue
        Its `pending` is set to what has to go to the journal.
    disk
        Of the project; ``None`` to write nothing.

    Returns
    -------
    The records that were done, and sentences for the user.
    """
    kept, notices = rescue.read(journal)
    known = {record.seq: record for record in journal.records}
    clash = [record.seq for record in kept if record.seq in known and not _same(record, known[record.seq])]
    new = [record for record in kept if record.seq not in known]
    if clash or (new and new[0].seq <= journal.last) or not _continues(planes, new):
        first = clash[0] if clash else new[0].seq
        notices.append(_keep_both(planes, (known, kept, first), rescue, files, disk))
        return [], notices
    for record in new:
        planes.apply(record.edit)
    if disk is not None:
        # Those that the journal shows as well: it was refused when they were written, so who knows where they lie.
        rescue.pending = tuple(kept)
    return new, notices


def _same(one: JournalRecord, two: JournalRecord) -> bool:
    return encode_record(one) == encode_record(two)


def _continues(planes: Planes, records: Sequence[JournalRecord]) -> bool:
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


def _keep_both(
    planes: Planes,
    sides: tuple[dict[int, JournalRecord], list[JournalRecord], int],
    rescue: ImageRescue,
    files: AnnotationFiles,
    disk: Disk | None,
) -> str:
    """Keep what was done after the journal and the rescue store parted; return the sentence that tells where."""
    known, kept, first = sides
    count = sum(record.seq >= first for record in kept)
    says = (
        f"{count} actions that the disk had refused were kept on this computer, but the image was changed elsewhere "
        "meanwhile. Both are kept: "
    )
    if disk is None:
        return f"{says}those of this computer are in {rescue.folder}."
    try:
        other = _fork(planes, [known[seq] for seq in sorted(known) if seq >= first], kept, first)
        written = None if other is None else _write_beside(files, other, disk)
        target = free_folder(files.journal, "second")
        rescue.move_files(target, disk)
    except DiskError as error:
        return f"{says}those of this computer stay in {rescue.folder}, since {error.reason or error.message}."
    return f"{says}those of this computer are in {written.name if written is not None else target}."


def _fork(planes: Planes, ours: Sequence[JournalRecord], kept: Sequence[JournalRecord], first: int) -> Planes | None:
    """Return the planes as they would be with what is kept in the place of `ours`; ``None`` when that cannot be."""
    other = Planes(
        planes.labels.snapshot(),
        planes.regions.snapshot(),
        ObjectTable(dict(planes.objects), planes.objects.next_id()),
    )
    back = [
        JournalRecord(record.seq, "undo", record.edit.inverse, record.table_after, record.table_before)
        for record in reversed(ours)
    ]
    for records in (back, [record for record in kept if record.seq >= first]):
        if not _continues(other, records):
            return None
        for record in records:
            other.apply(record.edit)
    return other


def _write_beside(files: AnnotationFiles, planes: Planes, disk: Disk) -> Path:
    """Write the planes as a version of another program would be kept; return the path of the labels."""
    number = 1
    while any(_foreign(path, number).exists() for path in files.published):
        number += 1
    labels, regions, objects = (_foreign(path, number) for path in files.published)
    for path, plane in ((labels, planes.labels), (regions, planes.regions)):
        make_folders(path.parent, disk)
        write_tiles(path, plane.shape, plane.dtype, {key: plane.tile(key) for key in plane.keys()}, None, disk)  # noqa: SIM118 - no mapping
    write_objects(objects, planes.objects, planes.objects.next_id(), disk)
    return labels


def _foreign(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.foreign-{number}{path.suffix}")
