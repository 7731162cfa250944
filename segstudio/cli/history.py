"""``segstudio history``: earlier states of the labels of an image, listed and restored."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError, WrongUsage

if TYPE_CHECKING:
    from segstudio.project.project import ImageEntry, Project
    from segstudio.project.snapshots import Snapshots


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``history`` to the commands."""
    parser = subparsers.add_parser(
        "history",
        help="earlier states of the labels of an image",
        description="Lists the earlier states that a project keeps: of one IMAGE, or how many there are of each. With "
        "--restore the labels of IMAGE become what they were, as one step that can be undone in the window.",
    )
    parser.add_argument("project", metavar="PROJECT", type=Path, help="folder of the project")
    parser.add_argument("image", metavar="IMAGE", nargs="?", help="name of an image")
    parser.add_argument("--restore", metavar="NUMBER", type=int, help="go back to the state of this number")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """List or restore; return the exit code."""
    from segstudio.project.project import Project
    from segstudio.session.export_items import find_images

    number = namespace.restore
    if number is not None and namespace.image is None:
        raise WrongUsage("--restore needs the name of an image.", hint="Give it after the project.", code="no-image")
    with Project.open(namespace.project, read_only=number is None) as project:
        if namespace.image is None:
            lines = [f"{len(_kept(project, entry).all()):4}  {entry.name}" for entry in project.images]
        else:
            entry = project.entry(find_images(project, [namespace.image])[0])
            lines = _listed(_kept(project, entry)) if number is None else [_restored(project, entry, number)]
    for line in lines:
        print(line)  # noqa: T201
    return 0


def _kept(project: "Project", entry: "ImageEntry") -> "Snapshots":
    from segstudio.project.snapshots import Snapshots

    files = project.files(entry.id)
    folder = files.snapshots or files.journal
    return Snapshots(folder, entry.id, (entry.height, entry.width))


def _listed(snapshots: "Snapshots") -> list[str]:
    return [
        f"{state.number:4}  {state.time.astimezone():%Y-%m-%d %H:%M}  {state.objects:6} objects  "
        + (f"before “{state.name}”" if state.name else "while you worked")
        for state in snapshots.all()
    ]


def _restored(project: "Project", entry: "ImageEntry", number: int) -> str:
    from segstudio.labels.restoring import restoration

    document = project.document(entry.id)
    try:
        then = _kept(project, entry).read(number, document.planes)
        to = restoration(document.planes, then)
        if to is None:
            return f"The labels of {entry.name} are as in state {number} already."
        document.restore(to, document.seq)
    finally:
        done = document.close()
    if not done:
        raise UserError(
            f"The labels of {entry.name} could not be saved: {document.save_state.partition(': ')[2]}",
            hint="Try again when the disk answers.",
            code="labels-not-saved",
        )
    return f"The labels of {entry.name} are as in state {number}: {len(to.then.labels.values())} objects."
