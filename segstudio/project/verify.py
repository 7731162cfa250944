"""Verifying a project: everything is read, nothing is written, also beside a program that works on it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.core.stack_shape import plane_size, planes_of
from segstudio.io.objects_file import read_limited
from segstudio.io.tile_file import TileFile
from segstudio.project.checksums import Sum, Sums, read_sums, sum_of
from segstudio.project.conflicts import conflict_copies
from segstudio.project.findings import Finding, Report, shown
from segstudio.project.layout import Layout
from segstudio.project.manifest import BACKUP, LEFT_LABELS, MANIFEST, SIZE_LIMIT, ImageEntry, Manifest, parse_manifest
from segstudio.project.manifest_file import agree, load_manifest, sums_of_manifest
from segstudio.project.rescue import RescueStore
from segstudio.project.verify_image import ImageCheck
from segstudio.project.verify_model import weights_problem

#: An image that is saved while it is looked at is looked at again, so many times.
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.1

Progress = Callable[[int, int, str], None]


def verify_project(
    folder: Path,
    on_progress: Progress = lambda done, total, name: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """Read all of a project and say what is not as it was written.

    Parameters
    ----------
    folder
        The project's folder, or its ``project.json``.
    on_progress
        Called with the number of images that are done, how many there are, and the name of the next one.
    stopped
        Asked between two images.

    Raises
    ------
    BadInput
        It is no project, or neither project.json nor its backup can be read.
    """
    folder = (folder.parent if folder.name == MANIFEST else folder).absolute()
    manifest, _ = load_manifest(folder, newer=True)
    layout = Layout(folder)
    findings, files = _again_if_written(folder, lambda: _check_manifest(folder), [sums_of_manifest(folder)])
    entries = [(entry, True) for entry in manifest.images] + [(entry, False) for entry in _left(manifest)]
    for number, (entry, present) in enumerate(entries):
        if stopped():
            return _report(findings, number, files, complete=False)
        on_progress(number, len(entries), entry.name)
        found, count = _check_image(layout, entry, present=present)
        findings += found
        files += count
    on_progress(len(entries), len(entries), "")
    found, count = _check_models(layout)
    findings += found + _check_copies(folder, manifest) + _check_rescue(folder, manifest)
    return _report(findings, len(entries), files + count)


def _report(findings: list[Finding], images: int, files: int, *, complete: bool = True) -> Report:
    return Report(tuple(sorted(findings, key=lambda item: item.level != "damage")), images, files, complete)


def _again_if_written(
    folder: Path, check: Callable[[], tuple[list[Finding], int]], paths: list[Path]
) -> tuple[list[Finding], int]:
    """Do a check again when something was found and one of `paths` was written meanwhile."""
    result = check()
    for _ in range(_TRIES):
        before = _times(paths)
        if not result[0]:
            break
        result = check()
        if _times(paths) == before:
            break
        time.sleep(_PAUSE_SECONDS)
    return result


def _times(paths: list[Path]) -> list[tuple[int, int]]:
    found = []
    for path in paths:
        try:
            stat = path.stat()
            found.append((stat.st_size, stat.st_mtime_ns))
        except OSError:
            found.append((-1, 0))
    return found


def _check_manifest(folder: Path) -> tuple[list[Finding], int]:
    findings: list[Finding] = []
    path = sums_of_manifest(folder)
    try:
        known = read_sums(path)
    except BadInput as error:
        lost = "Nothing; only what finds damage in the list of images."
        findings.append(Finding(shown(folder, path), error.message, lost, "It is made anew with the next change."))
        known = {}
    problems = {name: _manifest_problem(folder / name, known) for name in (MANIFEST, BACKUP)}
    if problems[BACKUP] == _MISSING and not known:
        problems[BACKUP] = ""  # of a project that no change was ever made to
    if all(problem == _NOT_OURS for problem in problems.values()) and agree(folder):
        problems = {MANIFEST: "", BACKUP: ""}
        findings.append(Finding(MANIFEST, *_OTHER_STATE))
    for name, problem in problems.items():
        other = BACKUP if name == MANIFEST else MANIFEST
        if problem:
            whole = not problems[other]
            lost = f"Nothing; {other} holds the same." if whole else "Images or classes may be missing in the list."
            do = (
                "When it is opened next, the project takes the one that is whole."
                if whole
                else "Restore it from a backup."
            )
            findings.append(Finding(name, problem, lost, do))
    return findings, 2 + bool(known)


_MISSING: Final = "It is missing."
_NOT_OURS: Final = "It is not as SegStudio wrote it: another program changed it, or it is damaged."
_OTHER_STATE: Final = (
    f"It agrees with its copy {BACKUP}, but is not as it was saved here last: a sync program or a backup has put back "
    "another state of both, or of their sums.",
    "Perhaps what was changed in the list of images and classes.",
    "Look whether all images and classes are there.",
)


def _manifest_problem(path: Path, known: Mapping[str, tuple[Sum, ...]]) -> str:
    try:
        raw = read_limited(path, SIZE_LIMIT)
        parse_manifest(path, raw, newer=True)
    except BadInput as error:
        return _MISSING if error.code == "file-missing" else error.message
    sums = Sums(None)
    sums.take(known)
    digest = sum_of(raw)
    if sums.of(path) and all(item.digest != digest for item in sums.of(path)):
        return _NOT_OURS
    return ""


def _left(manifest: Manifest) -> list[ImageEntry]:
    """Return entries for the labels that images left which were taken out of the project; their size is not known."""
    left = manifest.settings.get(LEFT_LABELS)
    pairs = left.items() if isinstance(left, dict) else ()
    present = {entry.id for entry in manifest.images}
    return [ImageEntry(str(owner), stem, stem, stem, 0, 0) for stem, owner in pairs if str(owner) not in present]


def _check_image(layout: Layout, entry: ImageEntry, *, present: bool) -> tuple[list[Finding], int]:
    files = layout.files(entry)
    if not present:
        entry = _with_size(entry, files.labels)
        if not entry.height:
            return [], 0

    def check() -> tuple[list[Finding], int]:
        looked = ImageCheck(layout.folder, entry, files)
        looked.run(layout.image(entry) if present else None)
        return looked.findings, looked.count

    journals = sorted(files.journal.glob("*.sj"))
    sums = [files.sums] if files.sums is not None else []
    return _again_if_written(layout.folder, check, [*files.published, *sums, *journals])


def _with_size(entry: ImageEntry, labels: Path) -> ImageEntry:
    """Return the entry of an image that was taken out with the size of its labels."""
    try:
        found = TileFile.open(labels)
    except OSError:
        found = None
    if found is None:
        return entry
    height, width = plane_size(found.shape)
    pages = planes_of(found.shape)
    return replace(entry, height=height, width=width, axes="I" * (pages > 1), sizes=(pages,) * (pages > 1))


def _check_models(layout: Layout) -> tuple[list[Finding], int]:
    findings, count = [], 0
    for path in sorted(layout.runs.rglob("*.safetensors")):
        count += 1
        problem = weights_problem(path)
        if problem:
            lost = "This model, or this state of a training. Labels and other models are not touched."
            do = "Train it again, or restore the file from a backup."
            findings.append(Finding(shown(layout.folder, path), problem, lost, do))
    return findings, count


def _check_copies(folder: Path, manifest: Manifest) -> list[Finding]:
    left = manifest.settings.get(LEFT_LABELS)
    stems = {*(entry.stem for entry in manifest.images), *(left if isinstance(left, dict) else ())}
    return [
        Finding(
            shown(folder, path),
            "It looks like a copy that a sync program made when two computers had changed the same file.",
            "Nothing; both files are there; only the one without the addition to its name is used.",
            "Compare it with your work, then move it away.",
            "note",
        )
        for path in conflict_copies(folder, stems)
    ]


def _check_rescue(folder: Path, manifest: Manifest) -> list[Finding]:
    store = RescueStore(folder, manifest.name)
    names = {entry.id: entry.name for entry in manifest.images}
    return [
        Finding(
            shown(folder, store.image(image_id, (0, 0)).folder.parent),
            f"What was drawn last in {names[image_id]} is kept there, as the disk of the project refused it.",
            "Nothing.",
            "Open the project for writing: it goes back by itself.",
            "note",
            names[image_id],
        )
        for image_id in store.images(names)
    ]
