"""``segstudio summary``: what a network is before it is trained: layers, size, work, memory, receptive field."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from segstudio.cli.flags import given_settings
from segstudio.cli.progress import follow
from segstudio.cli.train import more_flags
from segstudio.io.json_file import limited_bytes
from segstudio.jobs.network_report import NetworkReport
from segstudio.jobs.spec import Choice, SummaryJob
from segstudio.session.network_words import COLUMNS, as_csv, cells, figures

#: Modules that lie deeper than this are shown with ``--all`` only.
_DEPTH = 2
_MOST = 64


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``summary`` to the commands."""
    parser = subparsers.add_parser(
        "summary",
        help="layers, size, work, memory and receptive field of a network",
        description="Describes the network that a training with these choices would have, or that of a finished "
        "model. Nothing is trained.",
        epilog="Settings of a network or formulation: --architecture.NAME and --formulation.NAME, "
        "as `segstudio catalogue` lists them.",
    )
    parser.add_argument("--formulation", metavar="NAME", default="joint", help="how to learn objects (default: joint)")
    parser.add_argument("--architecture", metavar="NAME", default="unet", help="the network (default: unet)")
    parser.add_argument("--model", metavar="MODEL", type=Path, help="a model or run instead")
    parser.add_argument("--channels", metavar="N", type=_count, default=1, help="of the images (default: 1)")
    parser.add_argument("--classes", metavar="N", type=_count, default=1, help="of the objects (default: 1)")
    parser.add_argument("--patch", metavar="N", type=int, default=0, help="side of the patches (default: automatic)")
    parser.add_argument("--batch", metavar="N", type=int, default=0, help="patches in a batch (default: automatic)")
    parser.add_argument("--object-diameter", metavar="X", type=_length, help="of the median object, pixels")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="(default: auto)")
    parser.add_argument("--all", action="store_true", help="all layers, not only the blocks")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything as JSON")
    form.add_argument("--csv", action="store_true", help="the layers as CSV")
    parser.set_defaults(run=run, more_flags=more_flags, resume=False, quiet=True, json_lines=False)


def run(namespace: argparse.Namespace) -> int:
    """Print the summary; return the exit code."""
    report = _report(namespace)
    if namespace.json or namespace.csv:
        sys.stdout.write(f"{report.model_dump_json(indent=2)}\n" if namespace.json else as_csv(report))
        return 0
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    heads = Table(box=None, show_header=False)
    for figure in figures(report):
        heads.add_row(f"[bold]{figure.title}[/bold]", f"{figure.text} {figure.warning}".strip())
    console.print(heads)
    console.print()
    layers = Table(box=None)
    for title in COLUMNS:
        layers.add_column(title, justify="right" if title in COLUMNS[2:] else "left")
    for layer in report.layers:
        depth = layer.path.count(".") + 1 if layer.path else 0
        if namespace.all or depth <= _DEPTH:
            layers.add_row(*cells(layer))
    console.print(layers)
    return 0


def _report(namespace: argparse.Namespace) -> NetworkReport:
    from segstudio.engine.run import run_job

    settings = given_settings(namespace)
    with tempfile.TemporaryDirectory(prefix="segstudio-") as folder:
        output = Path(folder) / "network.json"
        job = SummaryJob(
            job_id="summary",
            output=output,
            formulation=Choice(name=namespace.formulation, settings=settings.get("formulation", {})),
            architecture=Choice(name=namespace.architecture, settings=settings.get("architecture", {})),
            model=namespace.model.resolve() if namespace.model is not None else None,
            channels=namespace.channels,
            classes=namespace.classes,
            config={"data": {"patch_size": namespace.patch}, "training": {"batch_size": namespace.batch}},
            object_diameter_px=namespace.object_diameter,
            device=namespace.device,
        )
        follow(run_job(job), namespace)
        return NetworkReport.model_validate_json(limited_bytes(output))


def _count(word: str) -> int:
    if not (word.isdecimal() and 1 <= int(word) <= _MOST):
        raise argparse.ArgumentTypeError(f"{word!r} is no number from 1 to {_MOST}")
    return int(word)


def _length(word: str) -> float:
    try:
        length = float(word)
    except ValueError:
        length = 0.0
    if not 0 < length < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is no length")
    return length
