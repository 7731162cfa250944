"""The rescue store: what the disk of a project refuses lies among the user's own data until it goes back by itself."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_path

from segstudio.core.errors import BadInput
from segstudio.io.atomic import AppendFile, make_folders, write_atomic
from segstudio.io.disk import DISK, Disk, DiskError, disk_error, disk_errors
from segstudio.io.preferences_file import preferences_path, read_preferences
from segstudio.io.regular_file import limited_bytes, open_regular
from segstudio.project.journal import (
    SIZE_LIMIT,
    SUFFIX,
    Journal,
    JournalPlace,
    encode_header,
    file_name,
    new_session,
    read_file,
)
from segstudio.project.journal_records import JournalRecord, encode_records
from segstudio.project.manifest import MANIFEST

_NAME_LENGTH: Final = 40
_HEADER_LIMIT: Final = 1 << 16
#: What the name of a file ends with that was read as far as that goes.
_DAMAGED: Final = ".damaged"
#: What the name of a file ends with that another project has taken: the one whose it is may only be unplugged.
TAKEN: Final = ".taken"


def default_rescue_folder() -> Path:
    """Return where this user's rescue store lies; nothing need be there."""
    return user_data_path("SegStudio", appauthor=False) / "rescue"


def rescue_folders() -> list[Path]:
    """Return where this user's rescue store may lie: the place that was chosen, if any, and the usual one."""
    chosen = read_preferences(preferences_path()).rescue_folder
    return [*([Path(chosen)] if chosen else []), default_rescue_folder()]


class RescueStore:
    """What is kept for one project: ``<root>/<project>/<image id>/*.sj``.

    Parameters
    ----------
    folder, name
        Of the project.
    root
        Where all projects of this user keep such things; `rescue_folders` are the next choice, or the first when
        ``None``.
    disk
        Never the one that tests let fail for the project.

    Attributes
    ----------
    roots
        Where to, the first that takes it; all are looked through.
    on_change
        Called on a thread whenever something was kept or went back.
    damaged
        Whether something that was kept of an image could not be read, and so is not brought back.
    """

    def __init__(self, folder: Path, name: str, root: Path | None = None, disk: Disk = DISK) -> None:
        self.roots = list(dict.fromkeys([*([root] if root is not None else []), *rescue_folders()]))
        self.on_change: Callable[[], None] = lambda: None
        self.disk = disk
        self.damaged = False
        self._folder = folder
        self._name = name

    @property
    def owner(self) -> dict[str, str]:
        """Whose all this is, as each file in the store says it."""
        return {"project": str(self._folder), "name": self._name}

    def folder(self, root: Path) -> Path:
        """Return where in one of the `roots` the project keeps what its disk refuses."""
        mark = blake2b(os.fsencode(os.path.normcase(self._folder)), digest_size=6).hexdigest()
        return root / f"{re.sub(r'[^A-Za-z0-9_-]+', '_', self._name)[:_NAME_LENGTH]}-{mark}"

    def move_to(self, root: Path) -> None:
        """Keep what comes from now on in another folder, if that takes it."""
        self.roots = [root, *(item for item in self.roots if item != root)]

    def image(self, image_id: str, shape: tuple[int, int]) -> "ImageRescue":
        """Return what is kept of one image, which need not be anything."""
        return ImageRescue(self, image_id, shape, [folder for folder in self._own() if folder.name == image_id])

    def images(self, image_ids: Iterable[str]) -> list[str]:
        """Return those of the images of which something is kept."""
        kept = {folder.name for folder in self._own()}
        return [image_id for image_id in image_ids if image_id in kept]

    def kept_for(self) -> str:
        """Return the folder, other than this one, of the project for which what is found here was kept; or nothing."""
        owners = (owner_of(path) for image in self._own() for path in journal_files(image))
        return next((str(owner.get("project")) for owner in owners if not self.lies_there(owner)), "")

    def _own(self) -> Iterator[Path]:
        """Yield the folders of images that are this project's, be it under a name that it had before."""
        for project in self.projects():
            for image in _folders(project):
                if any(self.is_owner(owner_of(path), path) for path in journal_files(image)):
                    yield image

    def projects(self) -> list[Path]:
        """Return the folders of all projects of which something is kept."""
        return [folder for root in self.roots for folder in _folders(root)]

    def lies_there(self, owner: dict[str, Any]) -> bool:
        """Whether this project lies where `owner` says."""
        folder = owner.get("project")
        return isinstance(folder, str) and _same(Path(folder), self._folder)

    def is_owner(self, owner: dict[str, Any], path: Path) -> bool:
        """Whether the file at `path`, which says to be of `owner`, may be this project's.

        It lies there; or it has the name of the one that is not there any more, and none has taken the file yet.
        """
        folder = owner.get("project")
        if not isinstance(folder, str) or self.lies_there(owner):
            return isinstance(folder, str)
        # The same images have the same ids in every project: one that is still in its place keeps its own.
        moved = owner.get("name") == self._name and not (Path(folder) / MANIFEST).exists()
        return moved and path.suffix != TAKEN

    def let_go(self, path: Path, owner: dict[str, Any]) -> None:
        """Remove a file of which all is in the project; that of another place is kept for the project of there.

        Raises
        ------
        OSError
            It stays as it is.
        """
        if self.lies_there(owner):
            self.disk.unlink(path)
        else:
            self.disk.replace(path, path.with_name(f"{path.name}{TAKEN}"))


class ImageRescue:
    """What is kept of one image.

    Parameters
    ----------
    store
        Of its project.
    found
        Folders with what was kept earlier.

    Attributes
    ----------
    pending
        What `read` has found that is to go to the journal; filled by who reads.
    """

    def __init__(self, store: RescueStore, image_id: str, shape: tuple[int, int], found: list[Path]) -> None:
        self.store = store
        self.pending: tuple[JournalRecord, ...] = ()
        self._image_id = image_id
        self._shape = shape
        self._found = found
        self._held: list[Path] = []
        self._damaged: set[Path] = set()
        self._session = new_session()
        self._segment = 0
        self._file: AppendFile | None = None
        self._numbers: set[int] = set()  # of the records in it
        self.folder = found[0] if found else store.folder(store.roots[0]) / image_id
        """Where something was kept last, or would be."""

    def read(self, journal: Journal) -> tuple[list[JournalRecord], list[str]]:
        """Return the records that are kept, in order, and sentences about what is damaged. Never raises."""
        known = {record.seq: record for record in journal.records}
        own: dict[int, JournalRecord] = {}
        notices = []
        for path in [path for folder in self._found for path in journal_files(folder)]:
            if (owner := owner_of(path)) and not self.store.is_owner(owner, path):
                continue
            place = JournalPlace(path.parent, self._image_id, self._shape)
            try:
                file = read_file(path, place, {**known, **own})
            except BadInput as error:
                notices.append(f"{error.message} It was left in {path.parent}.")
                continue
            for record in file.records:
                own.setdefault(record.seq, record)
            self._held.append(path)
            if not file.whole:
                self._damaged.add(path)
                notices.append(
                    f"{path.name} in {path.parent} is damaged: some of what you drew last could not be brought back. "
                    "The file is kept."
                )
        self.store.damaged = self.store.damaged or bool(notices)
        return [own[seq] for seq in sorted(own)], notices

    def keep(self, records: Iterable[JournalRecord]) -> None:
        """Write records to the first place that takes them; they are durable when it returns. Raises `DiskError`."""
        kept = list(records)
        refusal: DiskError | None = None
        for root in self.store.roots:
            try:
                self._keep_in(self.store.folder(root) / self._image_id, kept)
            except DiskError as error:
                refusal = refusal or error
            else:
                return
        raise refusal or AssertionError("there is always a place")

    def _keep_in(self, folder: Path, records: list[JournalRecord]) -> None:
        header = b""
        disk = self.store.disk
        try:
            if self._file is None or self._file.path.parent != folder:
                self._give_up()
                make_folders(folder, disk)
                path = folder / file_name(records[0].seq, self._session, self._segment)
                self._segment += 1
                self._file = AppendFile(path, disk)
                self._held.append(path)
                place = JournalPlace(folder, self._image_id, self._shape)
                header = encode_header(place, self._session, records[0].seq, **self.store.owner)
                self._numbers.clear()
            self._file.append(header + encode_records(records, self._numbers))
            self._numbers.update(record.seq for record in records)
        except OSError as error:
            self._give_up()
            raise disk_error(error, folder, "written") from error
        self.folder = folder

    def clear(self) -> None:
        """Forget what is kept: all of it is durable elsewhere, but for what cannot be read; that is only renamed."""
        self._give_up()
        held, self._held = self._held, []
        for path in held:
            with suppress(OSError):
                if path in self._damaged:
                    self.store.disk.replace(path, path.with_name(f"{path.name}{_DAMAGED}"))
                else:
                    self.store.let_go(path, owner_of(path))
        for folder in {path.parent for path in held}:
            with suppress(OSError):
                self.store.disk.remove_folder(folder)
                self.store.disk.remove_folder(folder.parent)

    def move_files(self, target: Path, disk: Disk) -> None:
        """Copy all that is kept to the new folder `target` in the project, then forget it here. Raises `DiskError`."""
        make_folders(target, disk)
        for path in self._held:
            with disk_errors(path, "read"):
                data = limited_bytes(path, SIZE_LIMIT)
            write_atomic(target / path.name, data, disk)
        self._damaged.clear()
        self.clear()

    def close(self) -> None:
        """Close the file; what is kept stays."""
        self._give_up()

    def _give_up(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def owner_of(path: Path) -> dict[str, Any]:
    """Return whose a file in the rescue store says to be; empty when it does not."""
    try:
        with open_regular(path) as file:
            header = json.loads(file.readline(_HEADER_LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def journal_files(folder: Path) -> list[Path]:
    """Return the journal files in `folder`, in order, also those that were taken; none when it cannot be read."""
    with suppress(OSError):
        return sorted(path for path in folder.iterdir() if path.name.removesuffix(TAKEN).endswith(SUFFIX))
    return []


def _folders(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(path for path in folder.iterdir() if path.is_dir())
    return []


def _same(one: Path, two: Path) -> bool:
    return os.path.normcase(one) == os.path.normcase(two)
