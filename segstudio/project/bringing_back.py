"""What the rescue store has of an image goes back to where it belongs; a second truth is kept beside the first."""

from segstudio.io.disk import Disk, DiskError
from segstudio.labels.history import Planes
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.free_names import free_path
from segstudio.project.journal import Journal
from segstudio.project.journal_records import JournalRecord, encode_record
from segstudio.project.rescue import ImageRescue
from segstudio.project.second_truth import continues, other_side, write_beside


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
    if clash or (new and new[0].seq <= journal.last) or not continues(planes, new):
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
    which = (
        "1 action that the disk had refused was" if count == 1 else f"{count} actions that the disk had refused were"
    )
    says = f"{which} kept on this computer, but the image was changed elsewhere meanwhile. Both are kept: "
    if disk is None:
        return f"{says}what was done here is in {rescue.folder}."
    try:
        ours = [known[seq] for seq in sorted(known) if seq >= first]
        other = other_side(planes, ours, [record for record in kept if record.seq >= first])
        written = None if other is None else write_beside(files, other, disk)
        target = free_path(files.journal, "second-")
        rescue.move_files(target, disk)
    except DiskError as error:
        return f"{says}what was done here stays in {rescue.folder}, since {error.reason or error.message}."
    return f"{says}what was done here is in {written.name if written is not None else target}."
