"""``segstudio history``: earlier states of the labels of an image, listed and restored."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import BadInput, UserError, WrongUsage

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
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
    from segstudio.project.damaged_labels import snapshots_of
    from segstudio.project.project import Project
    from segstudio.session.export_items import find_images

    number = namespace.restore
    if number is not None and namespace.image is None:
        raise WrongUsage("--restore needs the name of an image.", hint="Give it after the project.", code="no-image")
    with Project.open(namespace.project, read_only=number is None) as project:
        if namespace.image is None:
            counts = [(len(snapshots_of(project, entry.id).all()), entry.name) for entry in project.images]
            lines = [f"{_states(count):19}  {name}" for count, name in counts]
        else:
            entry = project.entry(find_images(project, [namespace.image])[0])
            kept = snapshots_of(project, entry.id)
            lines = _listed(entry, kept) if number is None else _restored(project, entry, number)
    for line in lines:
        print(line)  # noqa: T201
    return 0


def _listed(entry: "ImageEntry", snapshots: "Snapshots") -> list[str]:
    return [
        f"{state.number:4}  {state.time.astimezone():%Y-%m-%d %H:%M}  {_objects(state.objects, 6):14}  "
        + (f"before “{state.name}”" if state.name else "while you worked")
        for state in snapshots.all()
    ] or [f"No earlier state of {entry.name} is kept yet."]


def _states(count: int) -> str:
    return f"{count:4} earlier state{'' if count == 1 else 's'}"


def _objects(count: int, width: int = 0) -> str:
    return f"{count:{width}} object{'' if count == 1 else 's'}"


def _restored(project: "Project", entry: "ImageEntry", number: int) -> list[str]:
    from segstudio.project.annotation_reader import DAMAGED_LABELS
    from segstudio.project.damaged_labels import restore_damaged

    lines = []
    try:
        document = project.document(entry.id)
    except BadInput as error:
        if error.code != DAMAGED_LABELS:
            raise
        restore_damaged(project, entry.id, number)
        document = project.document(entry.id)
        lines = list(document.notices)
    try:
        changed = _go_back(project, document, number)
    finally:
        done = document.close()
    if not done:
        raise UserError(
            f"The labels of {entry.name} could not be saved: {document.save_state.partition(': ')[2]}",
            hint="Try again when the disk answers.",
            code="labels-not-saved",
        )
    if not changed and not lines:
        return [f"The labels of {entry.name} are as in state {number} already."]
    return [*lines, f"The labels of {entry.name} are as in state {number}: {_objects(len(document.planes.objects))}."]


def _go_back(project: "Project", document: "ImageDocument", number: int) -> bool:
    """Make the labels of an open image what they were; return whether that changed anything."""
    from segstudio.labels.restoring import restoration
    from segstudio.project.damaged_labels import snapshots_of

    then = snapshots_of(project, document.entry.id).read(number, document.stack)
    to = restoration(document.stack, then)
    return to is not None and document.restore(to, document.seq) is not None
