"""``segstudio export``: the labels of a project as files for other programs."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from segstudio.cli.flags import add_flags, given_settings
from segstudio.cli.project_words import add_images_from, take_images_from, tell_warnings
from segstudio.config.form_spec import form_spec
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.export.base import exporters


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``export`` to the commands."""
    known = "\n".join(f"  {name:<14} {exporter.description}" for name, exporter in exporters)
    parser = subparsers.add_parser(
        "export",
        help="write label images, outlines, boxes or measurements",
        description="Writes the labels of a project as files for other programs.",
        epilog=f"formats:\n{known}\n\nSettings of a format: --export.NAME, as `segstudio catalogue` lists them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("project", metavar="PROJECT", type=Path, help="folder of the project")
    parser.add_argument("--format", metavar="NAME", required=True, help="one of the formats below")
    parser.add_argument("--out", metavar="PATH", type=Path, required=True, help="folder, or file for JSON and CSV")
    parser.add_argument("--images", metavar="NAME", nargs="+", help="only these images (default: all labelled ones)")
    add_images_from(parser)
    parser.add_argument("--replace", action="store_true", help="replace files of an earlier export")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.set_defaults(run=run, more_flags=more_flags)


def more_flags(parser: argparse.ArgumentParser, namespace: argparse.Namespace) -> None:
    """Add the flags for the settings of the format."""
    add_flags(parser, form_spec(exporters.get(namespace.format).Settings.model_json_schema()), "export.")


def run(namespace: argparse.Namespace) -> int:
    """Export; return the exit code."""
    from segstudio.project.project import Project
    from segstudio.session.export_items import export_items, export_labels, find_images, left_out_sentence

    exporters.get(namespace.format)  # a wrong name is said before anything is opened
    settings = given_settings(namespace).get("export", {})
    take_images_from(namespace.images_from, namespace.project)
    with Project.open(namespace.project, read_only=True) as project:
        if not namespace.quiet:
            tell_warnings(project)
        ids = find_images(project, namespace.images) if namespace.images else None
        left_out: dict[str, BadInput] = {}
        try:
            items = export_items(project, ids, unsaved=True, left_out=left_out)
            done = export_labels(items, namespace.format, namespace.out, settings, replace=namespace.replace)
        except WrongUsage as error:
            if error.code != "would-replace":
                raise
            raise WrongUsage(error.message, hint="Choose another --out, or add --replace.", code=error.code) from error
    console = Console(stderr=True, quiet=namespace.quiet, highlight=False)
    for sentence in done.losses:
        console.print(f"Note: {sentence}", markup=False, soft_wrap=True)
    if not namespace.quiet:
        for path in done.written:
            print(path)  # noqa: T201
    if left_out:
        Console(stderr=True, highlight=False).print(left_out_sentence(left_out), markup=False, soft_wrap=True)
    return BadInput.exit_code if left_out else 0
