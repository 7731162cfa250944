"""``segstudio worker``: the process in which jobs run; started by the window, not by people."""

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``worker`` to the commands."""
    parser = subparsers.add_parser("worker", description="Runs one training, or jobs that come on standard input.")
    parser.add_argument("--run", metavar="FOLDER", type=Path, dest="run_folder", help="train the run in this folder")
    parser.add_argument("--log", metavar="FILE", type=Path, help="file for what libraries print")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Do the jobs; return the exit code."""
    from segstudio.engine.worker import serve, train_run

    return train_run(namespace.run_folder) if namespace.run_folder is not None else serve(namespace.log)
