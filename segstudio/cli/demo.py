"""``segstudio demo``: opens a fresh copy of the sample project, or does the whole job on it without a window."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from platformdirs import user_documents_path

#: Far longer than anybody waits for a demonstration.
LONGEST_MINUTES = 1440


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``demo`` to the commands."""
    parser = subparsers.add_parser(
        "demo",
        help="open a fresh copy of the sample project",
        description="Opens a fresh copy of the sample project. Without a window: trains on it, predicts, evaluates, "
        "exports, and makes one result picture.",
    )
    parser.add_argument("--folder", type=Path, help="where to put the copy (default: SegStudio in your documents)")
    parser.add_argument("--again", action="store_true", help="open the copy that was made last, if there is one")
    parser.add_argument("--no-window", action="store_true", help="do the whole job here instead of opening the window")
    parser.add_argument("--minutes", type=_minutes, default=1.0, help="how long to train without a window (default: 1)")
    parser.set_defaults(run=run)


def _minutes(word: str) -> float:
    # Asked before anything is copied. A training of 0 minutes would be one without an end.
    minutes = float(word)
    if not 0 < minutes <= LONGEST_MINUTES:
        raise argparse.ArgumentTypeError(f"{word!r} must be above 0 and at most {LONGEST_MINUTES}")
    return minutes


def run(namespace: argparse.Namespace) -> int:
    """Copy the sample and open it, or do the job on it; return the exit code."""
    from segstudio.project.sample_project import copy_sample, newest_sample

    folder = namespace.folder or user_documents_path() / "SegStudio"
    project = (newest_sample(folder) if namespace.again else None) or copy_sample(folder)
    if namespace.no_window:
        from segstudio.cli.demo_job import whole_job

        picture = whole_job(project, namespace.minutes)
        sys.stdout.write(f"\nOrange: found by the program. Blue: drawn by a person.\nResult picture: {picture}\n")
        return 0
    return _open_window(project)


def _open_window(project: Path) -> int:
    # A process of its own: the command line may not import the window (the floors), nor carry torch into it.
    return subprocess.run([sys.executable, "-m", "segstudio.gui.app", str(project)], check=False).returncode
