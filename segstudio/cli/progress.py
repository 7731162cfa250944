"""Messages of a job → a progress bar and a few lines on standard error, or JSON lines on standard output."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from segstudio.cli.signals import HANGUP, leave_terminal
from segstudio.core.errors import JobFailed
from segstudio.jobs.messages import Artifact, Failed, Finished, Message, Metric, Started, StateChanged, Warned, to_line
from segstudio.jobs.messages import Progress as Step


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet`` and ``--json-lines``."""
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--json-lines", action="store_true", help="write each message as a line of JSON to the output")


def follow(messages: Iterator[Message], namespace: argparse.Namespace) -> Finished:
    """Show `messages` as the flags ask and return the last one.

    Raises
    ------
    JobFailed
        The job ended with `Failed`, or without any end.
    """
    console = Console(stderr=True, quiet=namespace.quiet, highlight=False)
    with _bar(console, shown=not namespace.json_lines and not namespace.quiet) as bar:
        task: TaskID | None = None
        for message in messages:
            if namespace.json_lines:
                sys.stdout.write(to_line(message) + "\n")
                sys.stdout.flush()
            if isinstance(message, Step) and not namespace.json_lines:
                task = _advance(bar, task, message)
            elif not namespace.json_lines and (line := _line(message)):
                bar.console.print(line, markup=False, soft_wrap=True)
            if isinstance(message, Failed):
                raise JobFailed(message.message, hint=message.hint, code=message.code)
            if isinstance(message, Finished):
                return message
    raise JobFailed("The job ended without a result.", code="no-result")


@contextmanager
def stop_on_interrupt(stop: Any) -> Iterator[None]:  # noqa: ANN401 - any callable
    """Let the first Ctrl+C call `stop`, which ends the job with its best result; the second ends at once.

    SIGTERM, with which a cluster says that the time is over, and SIGHUP, with which a terminal closes, do the same.
    A signal that was to be ignored, as after ``nohup``, stays ignored. A terminal that has closed can say nothing
    more: its signal stays ignored from then on, however late a shell that ends repeats it.
    """
    closed = False

    def first(number: int, _: object) -> None:
        nonlocal closed
        if number == HANGUP:
            signal.signal(number, signal.SIG_IGN)  # at once: a shell that ends repeats it faster than this is done
            closed = True
            leave_terminal()
        else:
            sys.stderr.write("\nStopping; the best result is kept. Press Ctrl+C again to leave at once.\n")
        stop()
        for other in before:
            signal.signal(other, signal.SIG_IGN if other == HANGUP else signal.default_int_handler)

    numbers = (signal.SIGINT, signal.SIGTERM, *(() if HANGUP is None else (HANGUP,)))
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, first) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if closed and number == HANGUP else handler)


def _bar(console: Console, *, shown: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not shown, transient=True)


def _advance(bar: Progress, task: TaskID | None, step: Step) -> TaskID:
    rate = f", {step.rate:.0f} images/s" if step.rate else ""
    done = f"{step.done}/{step.total}{rate}" if step.total else f"{step.done}{rate}"
    if task is None:
        task = bar.add_task(step.stage, total=None, done=done)
    bar.update(task, description=step.stage, completed=step.done, total=step.total or None, done=done)
    return task


def _line(message: Message) -> str:
    match message:
        case Started():
            return f"On {message.device} ({message.device_name})"
        case Metric():
            return _metric_line(message)
        case Warned():
            return f"Note: {message.message} {message.hint}".rstrip()
        case StateChanged():
            return message.state.capitalize()
        case Artifact(role="labels"):
            found = message.details.get("objects", 0)
            return f"{message.path}: {found} {'object' if found == 1 else 'objects'}"
        case _:
            return ""


def _metric_line(metric: Metric) -> str:
    names = (("train_loss", "loss"), ("val_loss", "validation loss"), ("val_f1", "F1"), ("val_ap", "AP"))
    shown = [f"{title} {metric.values[name]:.3f}" for name, title in names if name in metric.values]
    star = "  best so far" if metric.best else ""
    return f"epoch {metric.epoch:5.1f}  {metric.elapsed_s:6.0f} s  {'  '.join(shown)}{star}"
