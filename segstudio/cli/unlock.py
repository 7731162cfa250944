"""``segstudio unlock``: takes a project over that a computer has left open which is off now."""

import argparse
from pathlib import Path
from typing import Any

from segstudio.core.errors import UserError


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``unlock`` to the commands."""
    parser = subparsers.add_parser(
        "unlock",
        help="take over a project that another computer has left open",
        description="Says which computer has not closed a PROJECT, and since when. With --yes it is taken over: "
        "only when that computer is off, or SegStudio does not run on it any more, as after a node of a cluster was "
        "killed. What was drawn there last is in the journals and is brought back when the project is opened next. "
        "Exit code 3 while it is left open.",
    )
    parser.add_argument("project", metavar="PROJECT", type=Path, help="folder of the project, or its project.json")
    parser.add_argument("--yes", action="store_true", help="that computer is off: take the project over")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Tell who has left the project open, or take it over; return the exit code."""
    from segstudio.project.layout import Layout
    from segstudio.project.lock import ProjectLock, left_open_by, refuse_held
    from segstudio.project.manifest import MANIFEST
    from segstudio.project.manifest_file import load_manifest

    folder = namespace.project
    folder = (folder.parent if folder.name == MANIFEST else folder).absolute()
    load_manifest(folder, newer=True)  # says it when this is no project
    path = Layout(folder).lock
    holder = left_open_by(path)
    if holder is None:
        refuse_held(path)
        print(f"No other computer has left {folder.name} open.")  # noqa: T201
        return 0
    if not namespace.yes:
        raise UserError(
            f"{folder.name} was opened on another computer ({holder.who}) on {holder.since:%Y-%m-%d at %H:%M} and was "
            "not closed there.",
            hint="If that computer is off, or SegStudio does not run on it, add --yes to take the project over. Two "
            "programs that write at the same time undo each other's work.",
            code="project-left-open",
            path=folder,
        )
    lock = ProjectLock(path)
    lock.acquire(holder)
    lock.leave_to_next()
    print(  # noqa: T201
        f"{folder.name} can be opened again. What was drawn last on {holder.computer or 'the other computer'} is "
        "brought back then."
    )
    return 0
