"""All files of one image's annotation, read to the last byte: nothing is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from segstudio.core.errors import BadInput, UserError
from segstudio.io.labels_file import read_label_tiff
from segstudio.io.objects_file import read_objects
from segstudio.labels.digest import tile_digest
from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectTable
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.checksums import Sum, Sums, read_sums, sum_of_file
from segstudio.project.findings import Finding, shown
from segstudio.project.image_files import fingerprint
from segstudio.project.image_sums import ImageSums
from segstudio.project.journal import JournalPlace
from segstudio.project.journal_records import JournalRecord, table_digest
from segstudio.project.layout import Layout
from segstudio.project.linked_folders import refuse_unlinked
from segstudio.project.manifest import ImageEntry
from segstudio.project.recovery import Recovered, recover
from segstudio.project.replay import reached
from segstudio.project.snapshots import Snapshots
from segstudio.project.verify_journal import ReadJournal, verify_journal

_NAMES: Final = ("labels", "regions", "objects")
_WORDS: Final = {"labels": "label image", "regions": "region image", "objects": "object table"}

_NOT_OPEN: Final = "What it held last: the image does not open, for its journal cannot make it anew."
_IN_PLACE: Final = "What lies in the damaged place; everything else can be read."
_ONLY_THERE: Final = "What only this file held."
_WITH_THE_LABELS: Final = "The actions in it: the labels, which are damaged too, cannot be made anew of it."
_NOT_RESTORED: Final = "This earlier state cannot be restored."
_REMOVED: Final = "it is removed when the next one is kept."


@dataclass
class ImageCheck:
    """Looks at one image of the project in `folder`.

    Attributes
    ----------
    findings
        What was found.
    count
        Files that were read.
    """

    folder: Path
    entry: ImageEntry
    files: AnnotationFiles
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    _doubted: dict[str, tuple[Finding, int, Any]] = field(default_factory=dict)

    def run(self, image: Path | None) -> None:
        """Read everything; `image` is where the image file is, ``None`` for one that was taken out of the project."""
        if image is not None:
            self._check_image(image)
        known = self._known()
        snapshots = self._check_snapshots()  # first: only those that are whole are worth to be advised
        has_history = self._snapshots is not None and bool(self._snapshots.all())
        published = {
            name: self._check_published(name, path, known)
            for name, path in zip(_NAMES, self.files.published, strict=True)
        }
        place = JournalPlace(self.files.journal, self.entry.id, self._shape)
        saved = max((items[0].seq for items in known.values() if items), default=0)
        journal, count = verify_journal(self.folder, place, saved, self.entry.name, has_history=has_history)
        self.count += count
        if journal.whole and journal.records:
            self._believe(published, journal.records)
            self._check_chain(published, journal.records)
            self._check_base(journal.records)
        self._say_what_is_lost(journal, snapshots, has_history=has_history)

    def _recovered(self) -> Recovered | None:
        """Return what opening the image would show; ``None`` when it does not open."""
        try:
            return recover(self.files, self.entry.id, self._shape, read_only=True)
        except UserError:  # its files tell why
            return None

    @cached_property
    def _snapshots(self) -> Snapshots | None:
        folder = self.files.snapshots
        return Snapshots(folder, self.entry.id, self._shape) if folder is not None and folder.is_dir() else None

    @property
    def _shape(self) -> tuple[int, int]:
        return self.entry.shape

    def _add(self, path: Path, wrong: str, lost: str, do: str) -> None:
        self.findings.append(Finding(shown(self.folder, path), wrong, lost, do, image=self.entry.name))

    def _check_image(self, path: Path) -> None:
        self.count += 1
        try:
            sums = ImageSums(Layout(self.folder).internal, read_only=True)
            same = fingerprint(path) == self.entry.fingerprint
            same = same and not sums.differs(self.entry, path, however_large=True)
        except BadInput as error:
            said = error
            if error.code == "image-missing":
                try:
                    refuse_unlinked(self.folder, self.entry)
                except BadInput as unlinked:
                    said = unlinked
            self._add(said.path or path, said.message, "Nothing in the project: its labels are kept.", said.hint)
            return
        if not same:
            self._add(
                path,
                "The image is not the one that was added to the project: its content has changed.",
                "Nothing: the labels are kept as they are, and are not laid on it.",
                "Put the original back, or choose “Use the changed image” in the list of images.",
            )

    def _known(self) -> dict[str, tuple[Sum, ...]]:
        path = self.files.sums
        if path is None:
            return {}
        try:
            known = read_sums(path)
        except BadInput as error:
            self._add(path, error.message, "Nothing; only what finds damage in the labels.", error.hint)
            return {}
        self.count += bool(known)
        return known

    def _check_published(self, name: str, path: Path, known: dict[str, tuple[Sum, ...]]) -> Any:  # noqa: ANN401
        """Return what a published file holds; ``None`` when it is not there or not to be trusted."""
        sums = Sums(None)
        sums.take(known)
        versions = sums.of(path)
        if not path.exists():
            if versions and not sums.may_be_absent(path):
                self._add(path, f"The {_WORDS[name]} is missing.", "", "")
            return None
        self.count += 1
        try:
            content = _read(name, path, self._shape)
            digest = sum_of_file(path)
        except BadInput as error:
            self._add(path, error.message, "", "")
            return None
        except OSError as error:
            self._add(path, f"It cannot be read: {error.strerror or error}.", "", "Check the drive.")
            return None
        if versions and all(item.digest != digest for item in versions):
            looks = any(item.looks_like(path) for item in versions)
            why = "it is damaged" if looks else "another program changed it, or it is damaged"
            self._add(path, f"The {_WORDS[name]} is not as SegStudio wrote it: {why}.", "", "")
            if not looks:
                self._doubted[name] = self.findings[-1], versions[0].seq, content
            return None
        return content

    def _believe(self, published: dict[str, Any], records: Sequence[JournalRecord]) -> None:
        """Take back what sums say of files that are as after a later action than they know: the sums are older ones."""
        for name, (finding, seq, content) in self._doubted.items():
            planes = Planes.empty(self._shape)
            setattr(planes, name, ObjectTable(content) if name == "objects" else content)
            last = reached(planes, records, name, lambda: self.files.read_base(self._shape))
            if last is not None and last > seq:
                self.findings.remove(finding)
                published[name] = content

    def _check_chain(self, published: dict[str, Any], records: Sequence[JournalRecord]) -> None:
        states: dict[tuple[str, tuple[int, int]], set[bytes]] = {}
        for record in records:
            for delta in record.edit.tiles:
                states.setdefault((delta.plane, delta.key), set()).update((delta.before, delta.after))
        for name in ("labels", "regions"):
            plane = published[name]
            keys = [key for plane_name, key in states if plane_name == name]
            if plane is not None and any(plane.digest(key) not in states[name, key] for key in keys):
                wrong = f"The {_WORDS[name]} holds something that was never drawn in SegStudio."
                self._add(getattr(self.files, name), wrong, "", "")
        tables = {digest for record in records for digest in (record.table_before, record.table_after)}
        objects = published["objects"]
        if objects is not None and table_digest(objects) not in tables:
            self._add(self.files.objects, "The object table holds something that was never done in SegStudio.", "", "")

    def _check_base(self, records: Sequence[JournalRecord]) -> None:
        base = self.files.base
        lost = "Nothing now: it is what the labels would be made anew of if their files were damaged as well."
        first: dict[tuple[str, tuple[int, int]], bytes] = {}
        for delta in (delta for record in records for delta in record.edit.tiles):
            first.setdefault((delta.plane, delta.key), delta.before)
        for name, path in zip(_NAMES, base.published, strict=True):
            if not path.exists():
                continue
            self.count += 1
            try:
                content = _read(name, path, self._shape)
            except BadInput as error:
                self._add(path, error.message, lost, "Keep a backup of the project.")
                continue
            if name == "objects":
                fits = table_digest(content) == records[0].table_before
            else:
                begun = {key: was for (plane, key), was in first.items() if plane == name}
                fits = all(tile_digest(content.tile(key)) == was for key, was in begun.items())
            if not fits:
                self._add(path, "It is not what the journal begins with.", lost, "Keep a backup of the project.")

    def _say_what_is_lost(self, journal: ReadJournal, snapshots: list[Finding], *, has_history: bool) -> None:
        """Complete what was found, now that it is known what the files that are damaged leave of each other."""
        harmed = any(not item.lost for item in self.findings)
        if journal.whole and journal.records:
            self._tell("Nothing; all of it is in the journal.", "Open the image: the file is kept and written anew.")
        elif harmed or not journal.whole:
            do = "Restore the file from a backup."
            if has_history:
                do = "Go back to an earlier state in the history of the image, or restore the file from a backup."
            found = self._recovered()
            if found is not None and found.journal_loss:
                journal.tell_loss(found.journal_loss)
                self._tell(found.journal_loss, do)
            elif harmed:
                journal.tell_loss(_WITH_THE_LABELS, do)
                snapshots = [
                    replace(item, lost=_NOT_RESTORED, do=_REMOVED[0].upper() + _REMOVED[1:])
                    if item.lost.startswith(_NOT_RESTORED)
                    else item
                    for item in snapshots
                ]
                self._tell(_NOT_OPEN if found is None else "", do)
        self.findings += [*journal.findings, *snapshots]

    def _tell(self, lost: str, do: str) -> None:
        """Say of published files what is lost with them; what they say themselves when `lost` is empty."""
        for place, item in enumerate(self.findings):
            if not item.lost:
                own = _IN_PLACE if (self.folder / item.file).exists() else _ONLY_THERE
                self.findings[place] = replace(item, lost=lost or own, do=item.do or do)

    def _check_snapshots(self) -> list[Finding]:
        """Return what is wrong with earlier states."""
        found: list[Finding] = []
        states = self._snapshots
        if states is None or self.files.snapshots is None:
            return found
        for folder in sorted(path for path in self.files.snapshots.iterdir() if (path / "snapshot.json").exists()):
            self.count += 1
            about = shown(self.folder, folder)
            try:
                if not states.checked(int(folder.name)).sound:
                    lost = "The name, time or number of objects that the history shows for it may be wrong."
                    wrong = "It is not as SegStudio wrote it."
                    do = "Nothing; work on."
                    found.append(Finding(f"{about}/snapshot.json", wrong, lost, do, image=self.entry.name))
            except (BadInput, ValueError) as error:
                lost = f"{_NOT_RESTORED} The labels as they are now are not touched."
                if folder.is_dir():  # the writer beside may have removed it meanwhile
                    found.append(Finding(about, str(error), lost, f"Nothing; {_REMOVED}", image=self.entry.name))
        return found


def _read(name: str, path: Path, shape: tuple[int, int]) -> Any:  # noqa: ANN401 - a plane or a table
    readers: dict[str, Callable[[], LabelMap | dict[int, Any]]] = {
        "labels": lambda: read_label_tiff(path, np.int32, shape),
        "regions": lambda: read_label_tiff(path, np.uint8, shape),
        "objects": lambda: read_objects(path)[0],
    }
    return readers[name]()
