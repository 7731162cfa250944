"""An image that cannot be opened, since its labels are damaged and no journal is left, goes back to an earlier state.

What is left and the earlier state become the base of a new journal, and its first action leads from there to that
state whole. The file of that action is the last thing that is written: before it the image is as it was, after it
opening the image brings everything back, keeps the damaged file beside, and publishes.
"""

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.atomic import copy_atomic, make_folders, write_atomic
from segstudio.io.disk import DISK, Disk, disk_errors
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.restoring import NAME, restoration
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.annotation_reader import AnnotationReader, is_damage
from segstudio.project.checksums import Sums
from segstudio.project.journal import JournalPlace, encode_header, file_name, new_session, read_journal
from segstudio.project.journal_records import JournalRecord, changed_digest, encode_record, table_digest
from segstudio.project.project import Project
from segstudio.project.snapshots import Snapshots


def snapshots_of(project: Project, image_id: str) -> Snapshots:
    """Return the earlier states of an image, which need not be open."""
    entry, files = project.entry(image_id), project.files(image_id)
    return Snapshots(files.snapshots or files.journal, image_id, entry.shape)


def restore_damaged(project: Project, image_id: str, number: int, disk: Disk = DISK) -> None:
    """Let an image be opened again, with the labels of one of its earlier states.

    Parameters
    ----------
    number
        Of the earlier state.

    Raises
    ------
    UserError
        The project is open for reading only; the image can be opened, or its files could perhaps be read later; the
        earlier state is damaged as well; or the disk refuses. Nothing has changed then.
    """
    project.check_writable()
    entry, files = project.entry(image_id), project.files(image_id)
    place = JournalPlace(files.journal, image_id, entry.shape)
    found = AnnotationReader(files, place.shape)
    _refuse_needless(entry.name, found, place)
    snapshots = snapshots_of(project, image_id)
    then = snapshots.read(number)
    was = Planes(then.labels.snapshot(), then.regions.snapshot(), then.objects)
    before = found.completed(was)
    step = restoration(before, then)
    edit = step.record if step is not None else EditRecord(NAME, (), (), Window(0, 0, 0, 0))
    table = table_digest(before.objects)
    record = JournalRecord(1, "repair", edit, table, changed_digest(table, edit.objects))
    # Their numbers begin anew: files that hold more than the journal would stay as they are.
    Sums(files.sums, disk).give_up_after(0, files.published)
    make_folders(files.journal, disk)
    _write_base(files, snapshots.checked(number).files, found, disk)
    session = new_session()
    data = encode_header(place, session, record.seq) + encode_record(record)
    write_atomic(files.journal / file_name(record.seq, session, 0), data, disk)


def _refuse_needless(name: str, found: AnnotationReader, place: JournalPlace) -> None:
    for error in found.unreadable.values():
        if not is_damage(error):
            raise error
    if not found.unreadable or read_journal(place).records:
        raise BadInput(
            f"The labels of {name} can be opened.",
            hint="Open the image, and go back to the earlier state there.",
            code="labels-whole",
        )


def _write_base(files: AnnotationFiles, then: AnnotationFiles, found: AnnotationReader, disk: Disk) -> None:
    """Write what the journal begins with: the files that can be read, and those of the earlier state for the others."""
    for now, earlier, base in zip(files.published, then.published, files.base.published, strict=True):
        # What is not there is read from the base as well.
        source = now if now.exists() and now not in found.unreadable else earlier
        if source.exists():
            copy_atomic(source, base, disk)
        elif base.exists():
            with disk_errors(base, "replaced"):
                disk.unlink(base)
