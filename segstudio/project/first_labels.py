"""The first labels of an image: one record of its journal has them whole, the label files follow."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.disk import Disk
from segstudio.io.labels_file import write_label_tiff
from segstudio.io.objects_file import write_objects
from segstudio.labels.edits import Edit
from segstudio.labels.history import Planes
from segstudio.labels.transaction import Transaction
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.checksums import Sums
from segstudio.project.journal import JournalPlace, encode_header, file_name, new_session
from segstudio.project.journal_records import JournalRecord, changed_digest, encode_record, table_digest
from segstudio.project.summing_disk import SummingDisk


def write_first(edit: Edit, place: JournalPlace, files: AnnotationFiles, disk: Disk) -> None:
    """Make what `edit` draws on a blank image its annotation, as its first action.

    Parameters
    ----------
    files
        Nothing of them is there.

    Raises
    ------
    DiskError
        Nothing is left behind, unless the disk refuses that as well: then the journal has the whole action, and the
        label files follow when the image is opened.
    """
    planes = Planes.empty(place.shape)
    transaction = Transaction(planes, edit.name, plane=None if getattr(edit, "of_stack", False) else 0)
    edit.apply(transaction)
    made = transaction.commit()
    if made is None:
        return
    before = table_digest({})
    record = JournalRecord(1, "edit", made, before, changed_digest(before, made.objects))
    session = new_session()
    try:
        make_folders(files.journal, disk)
        # Whoever is killed after this has the mask, whoever is killed before it has none of it.
        data = encode_header(place, session, 1) + encode_record(record)
        write_atomic(files.journal / file_name(1, session, 0), data, disk)
        _publish(planes, files, disk)
    except BaseException:
        _take_back(files, disk)
        raise


def _publish(planes: Planes, files: AnnotationFiles, disk: Disk) -> None:
    for folder in {path.parent for path in files.published}:
        make_folders(folder, disk)
    summing = SummingDisk(disk, Sums(files.sums, disk), files.published)
    summing.seq = 1
    write_label_tiff(files.labels, planes.labels, disk=summing)
    write_objects(files.objects, planes.objects, planes.objects.next_id(), summing)
    if not planes.regions.blank:
        write_label_tiff(files.regions, planes.regions, disk=summing)


def _take_back(files: AnnotationFiles, disk: Disk) -> None:
    """Remove everything, the journal last: as long as it is there, what is missing of the rest is made anew."""
    sums = () if files.sums is None else (files.sums,)
    with suppress(OSError):
        _remove((*sums, *files.published), disk)
        if files.journal.is_dir():
            _remove(files.journal.iterdir(), disk)
            disk.remove_folder(files.journal)


def _remove(paths: Iterable[Path], disk: Disk) -> None:
    """Remove files, durably."""
    gone = [path for path in paths if path.exists()]
    for path in gone:
        disk.unlink(path)
    for folder in sorted({path.parent for path in gone}):
        disk.sync_folder(folder)
