"""``segstudio verify``: reads a whole project and says what is not as it was written."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from segstudio.cli.project_words import add_images_from, take_images_from
from segstudio.core.errors import BadInput
from segstudio.project.findings import Finding, Report
from segstudio.project.verify import verify_project


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``verify`` to the commands."""
    parser = subparsers.add_parser(
        "verify",
        help="whether every file of a project is whole",
        description="Reads all of a PROJECT and writes nothing: labels, regions, object tables, every action in the "
        "journals, earlier states, images, models. Says of each damaged file what is lost, what is not, and what to "
        "do. Works also while the project is open. Exit code 3 when something is damaged.",
    )
    parser.add_argument("project", metavar="PROJECT", type=Path, help="folder of a project, or its project.json")
    add_images_from(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Verify the project; return 0 when it is whole."""
    take_images_from(namespace.images_from, namespace.project)
    report = verify_project(namespace.project, _tell if sys.stderr.isatty() else _be_quiet)
    if namespace.json:
        print(json.dumps(_content(report), indent=2, ensure_ascii=False))  # noqa: T201
    else:
        console = Console(highlight=False)
        for line in _lines(report):
            console.print(line, markup=False, soft_wrap=True)
    return 0 if report.whole else BadInput.exit_code


def _content(report: Report) -> dict[str, Any]:
    return {
        "whole": report.whole,
        "images": report.images,
        "files": report.files,
        "findings": [asdict(item) for item in report.findings],
    }


def _lines(report: Report) -> list[str]:
    images = f"{report.images:,} image{'' if report.images == 1 else 's'}, {report.files:,} files"
    damaged = len({item.file for item in report.damage})
    if report.whole:
        head = f"Everything is whole: {images}."
    else:
        what = "file is not as it was" if damaged == 1 else "files are not as they were"
        head = f"{damaged} {what} saved ({images} looked at)."
    return [head, *(line for item in report.findings for line in _of(item))]


def _of(item: Finding) -> list[str]:
    mark = "✗" if item.level == "damage" else "·"
    return ["", f"{mark} {item.title}", f"  {item.wrong}", f"  Lost: {item.lost}", f"  To do: {item.do}"]


def _tell(done: int, total: int, name: str) -> None:
    sys.stderr.write(f"\r\x1b[K{done}/{total} {name}" if name else "\r\x1b[K")
    sys.stderr.flush()


def _be_quiet(done: int, total: int, name: str) -> None:
    pass
