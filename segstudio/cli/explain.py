"""``segstudio explain``: what is worth knowing about a training, with its figures; and which learning rate suits it."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console

from segstudio.cli.progress import add_output_flags, follow
from segstudio.jobs.events_file import messages_in
from segstudio.jobs.messages import Message, Metric
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import RangeTestJob, TrainJob
from segstudio.session.doctor import Case, Finding, examine, silence
from segstudio.session.said import worth_keeping

_MARKS = {"error": "!!", "warning": "!", "note": "-"}


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``explain`` to the commands."""
    parser = subparsers.add_parser(
        "explain",
        help="what is worth knowing about a training",
        description="Says what went wrong in the training in RUN, by which figures, and what to do; of a healthy one, "
        "that nothing looks wrong. Works while the training runs, too.",
    )
    parser.add_argument("run_folder", metavar="RUN", type=Path, help="folder of a training")
    parser.add_argument("--json", action="store_true", help="as a JSON list")
    parser.add_argument(
        "--find-rate",
        action="store_true",
        help="learn for 100 steps with a rising learning rate on the images of RUN and say which rate suits",
    )
    add_output_flags(parser)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Print the findings; return 0."""
    folder = RunFolder(namespace.run_folder)
    job = folder.job()
    if namespace.find_rate:
        return _find_rate(job, namespace)
    case = Case.of(job, worth_keeping(messages_in(folder.events_file)))
    if namespace.json:
        print(json.dumps([_entry(finding) for finding in examine(case)], indent=2, ensure_ascii=False))  # noqa: T201
    else:
        tell(case)
    return 0


def tell(case: Case) -> None:
    """Print what is found about a training as a person reads it."""
    console, found = Console(highlight=False), examine(case)
    if not found:
        console.print(silence(case)[0], soft_wrap=True)
    for finding in found:
        lines = [f"{_MARKS[finding.severity]} {finding.sentence}", f"  {finding.evidence}", f"  {finding.advice}"]
        flags = " ".join(f"--{path} {value}" for path, value in _settings(finding).items())
        if flags:
            lines.append(f"  Try: {flags}")
        console.print("\n".join(lines), markup=False, soft_wrap=True)


def _find_rate(job: TrainJob, namespace: argparse.Namespace) -> int:
    from segstudio.engine.run import run_job

    finished = follow(_without_points(run_job(RangeTestJob(job_id=uuid4().hex[:12], training=job))), namespace)
    rate = finished.summary.get("suggested_rate")
    if rate is not None and not namespace.quiet and not namespace.json_lines:
        factor = Case.of(job, ()).rate_setting(float(rate))
        print(f"Try: --training.learning_rate {factor:g}")  # noqa: T201
    return 0


def _without_points(messages: Iterator[Message]) -> Iterator[Message]:
    return (message for message in messages if not isinstance(message, Metric))


def _settings(finding: Finding) -> dict[str, Any]:
    return dict(finding.remedy.settings) if finding.remedy is not None else {}


def _entry(finding: Finding) -> dict[str, Any]:
    entry = asdict(finding)
    kept = ("code", "severity", "sentence", "evidence", "advice", "epoch")
    return {**{name: entry[name] for name in kept}, "settings": _settings(finding)}
