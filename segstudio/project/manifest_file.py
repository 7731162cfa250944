"""Reading and writing project.json: a copy beside it, its sums before it, nothing of another program overwritten."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.io.atomic import copy_atomic, write_together
from segstudio.io.disk import DISK, Disk
from segstudio.io.objects_file import read_limited
from segstudio.io.regular_file import open_regular
from segstudio.project.annotation_files import keep_foreign
from segstudio.project.checksums import Sums, Verdict, sum_of
from segstudio.project.conflicts import conflict_copies, told
from segstudio.project.free_names import free_path
from segstudio.project.manifest import (
    BACKUP,
    LEFT_LABELS,
    MANIFEST,
    SIZE_LIMIT,
    Manifest,
    encode_manifest,
    parse_manifest,
)
from segstudio.project.migration import SCHEMA_VERSION, keep_version
from segstudio.project.summing_disk import SummingDisk

_CHANGED: Final = (
    f"{MANIFEST} was changed by another program since it was saved here. It was opened as it is now: look whether all "
    "images and classes are there."
)
_OTHER_STATE: Final = (
    f"{MANIFEST} and its copy {BACKUP} agree, but are not as they were saved here last: a sync program or a backup has "
    "put back another state of them, or of what is known of them. It was opened as it is now: look whether all images "
    "and classes are there."
)
_PUT_BACK: Final = (
    f"An older {MANIFEST} was put in the place of the one that was saved here, as sync programs and backups do. The "
    f"newer one was opened instead, from its copy {BACKUP}."
)


def free_kept(folder: Path) -> Path:
    """Return where a content of project.json is kept beside it that is not the one in use."""
    return free_path(folder, "project.kept-", ".json")


def save_manifest(folder: Path, manifest: Manifest, disk: Disk = DISK) -> tuple[Manifest, list[str]]:
    """Write project.json and its backup, which holds the same: whichever is damaged or exchanged, one is left.

    Returns
    -------
    The manifest with its new `revision` and `origin`, and sentences about what another program has done meanwhile.

    Raises
    ------
    DiskError
        Nothing has changed then.
    """
    path, backup = folder / MANIFEST, folder / BACKUP
    sums = Sums(sums_of_manifest(folder), disk)
    try:
        with open_regular(path) as file:
            old: bytes | None = file.read()
    except OSError:
        old = None
    if old is not None and encode_manifest(manifest) == old and sums.is_newest(path):
        return replace(manifest, origin=sum_of(old)), []
    words = _keep_what_is_there(path, old, manifest, disk)
    new = replace(manifest, revision=manifest.revision + 1)
    data = encode_manifest(new)
    write_together({path: data, backup: data}, SummingDisk(disk, sums, (path, backup)))
    return replace(new, origin=sum_of(data)), words


def _keep_what_is_there(path: Path, old: bytes | None, manifest: Manifest, disk: Disk) -> list[str]:
    """Keep a project.json that this program did not leave there, and the first one of an older version."""
    if old is None:
        gone = f"{path.name} was taken away by another program while the project was open; it was written anew."
        return [gone] if manifest.origin else []
    if sum_of(old) == manifest.origin:
        with suppress(BadInput):  # it was read from the backup
            keep_version(path, parse_manifest(path, old)[1], old, disk)
        return []
    if Sums(sums_of_manifest(path.parent)).judge(path, old) is Verdict.OURS:
        return []  # a save of ours whose last sync failed
    kept = keep_foreign(path, disk)
    return [
        f"{path.name} was changed or damaged outside of SegStudio while the project was open here. What is open here "
        f"was saved; the file as it was found is kept as {kept.name}."
    ]


def keep_replaced(folder: Path, disk: Disk = DISK) -> str:
    """Keep our own project.json, of which the backup is a copy, when one of another program is opened in its place.

    Returns
    -------
    Where it is kept, a sentence; empty when nothing was replaced.

    Raises
    ------
    DiskError
        There is no copy.
    """
    sums = Sums(sums_of_manifest(folder))
    path, backup = folder / MANIFEST, folder / BACKUP
    try:
        theirs, ours = (read_limited(item, SIZE_LIMIT) for item in (path, backup))
        if sums.judge(path, theirs) is not Verdict.CHANGED or sums.judge(backup, ours) is not Verdict.OURS:
            return ""
        if parse_manifest(path, theirs)[0].revision < parse_manifest(backup, ours)[0].revision:
            return ""  # ours is the one that is opened
    except (OSError, BadInput):
        return ""
    kept = free_kept(folder)
    copy_atomic(backup, kept, disk)
    return f"The {MANIFEST} as it was saved here last is kept as {kept.name}."


def agree(folder: Path) -> bool:
    """Return whether project.json and its backup hold the same, as a SegStudio leaves them."""
    try:
        one, other = (read_limited(folder / name, SIZE_LIMIT) for name in (MANIFEST, BACKUP))
    except BadInput:
        return False
    return one == other


def sums_of_manifest(folder: Path) -> Path:
    """Return where the sums of project.json and its backup are kept; no image has such an id."""
    return folder / ".segstudio" / "sums" / "_project.json"


def load_manifest(folder: Path, *, newer: bool = False, interrupted: bool = False) -> tuple[Manifest, list[str]]:
    """Read the manifest of a project; its backup when project.json is damaged or missing.

    Parameters
    ----------
    newer
        Take also what a newer program wrote, as far as this one understands it: for reading only.
    interrupted
        The program before did not close the project: it may have ended between two files.

    Returns
    -------
    The manifest and sentences for the user.

    Raises
    ------
    BadInput
        The folder is no project, a newer program wrote it, or manifest and backup are damaged: names the field.
    """
    manifest, words = _load_either(folder, newer, interrupted)
    left = manifest.settings.get(LEFT_LABELS)
    stems = {*(entry.stem for entry in manifest.images), *(left if isinstance(left, dict) else ())}
    return manifest, [*words, *told(conflict_copies(folder, stems))]


def _load_either(folder: Path, newer: bool, interrupted: bool) -> tuple[Manifest, list[str]]:
    sums = Sums(sums_of_manifest(folder))
    path = folder / MANIFEST
    try:
        raw = read_limited(path, SIZE_LIMIT)
        manifest, version = parse_manifest(path, raw, newer=newer)
    except BadInput as error:
        if error.code == "newer-format":
            raise
        return _from_backup(folder, sums, error)
    if version > SCHEMA_VERSION:
        return manifest, [_of_newer(version)]
    verdict = _judged(sums, path, raw)
    if verdict is Verdict.DAMAGED and (backup := _sound_backup(folder, sums)) is not None:
        return backup, [f"{path.name} is damaged; its copy {BACKUP}, which is whole, was opened instead."]
    if verdict not in (Verdict.DAMAGED, Verdict.CHANGED, Verdict.OLDER):
        return manifest, []
    ours = _sound_backup(folder, sums)
    if ours is None or ours.revision <= manifest.revision:
        if verdict is Verdict.OLDER:
            return manifest, []
        return manifest, [_OTHER_STATE if agree(folder) else _CHANGED]
    # The newer one of two of ours. Between two renames, a crash leaves the older one in its place.
    if interrupted and verdict is Verdict.OLDER:
        return replace(ours, origin=manifest.origin), []
    return ours, [_PUT_BACK]


def _of_newer(version: int) -> str:
    return (
        f"This project was written by a newer SegStudio (format {version}, this one knows {SCHEMA_VERSION}). "
        "It is open for reading only, and what the newer one has added is not shown."
    )


def _judged(sums: Sums, path: Path, raw: bytes) -> Verdict:
    try:
        return sums.judge(path, raw)
    except OSError:
        return Verdict.UNKNOWN


def _sound_backup(folder: Path, sums: Sums) -> Manifest | None:
    """Return the backup when it is as this program wrote it."""
    path = folder / BACKUP
    try:
        raw = read_limited(path, SIZE_LIMIT)
        return parse_manifest(path, raw)[0] if _judged(sums, path, raw) is Verdict.OURS else None
    except BadInput:
        return None


def _from_backup(folder: Path, sums: Sums, error: BadInput) -> tuple[Manifest, list[str]]:
    path = folder / BACKUP
    try:
        raw = read_limited(path, SIZE_LIMIT)
        manifest = parse_manifest(path, raw)[0]
    except BadInput:
        if error.code == "file-missing" and not folder.exists():
            raise BadInput(
                f"{folder.name} was not found in {folder.parent}.",
                hint="Check the name, or connect the drive.",
                code="no-project",
                path=folder,
            ) from error
        if error.code == "file-missing":
            raise BadInput(
                f"{folder.name} is no SegStudio project: it has no {MANIFEST}.",
                hint="Choose the folder of a project, or make a new one from a folder of images.",
                code="no-project",
                path=folder,
            ) from error
        raise BadInput(
            error.message,
            hint=f"Restore it, or {BACKUP}, from a backup. The labels are untouched: without a backup, make a new "
            "project of the same images and import the masks in the folder labels; their classes are lost then.",
            code=error.code,
            path=error.path,
        ) from None
    newest = sums.of(folder / MANIFEST)[:1]
    same = bool(newest) and newest[0].digest == sum_of(raw)
    what = f"Its copy {BACKUP}, which holds the same," if same else "The version before it"
    return manifest, [f"{error.message} {what} was opened instead."]
