"""The command line: one sub-command per file, errors as one sentence, and exit codes.

Exit codes: 0 done, 2 wrong usage, 3 bad input, 4 the job failed, 130 interrupted.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import TextIOWrapper
from types import ModuleType
from typing import NoReturn

from segstudio import __version__
from segstudio.cli.flags import without_plug_ins
from segstudio.cli.signals import outliving_terminal
from segstudio.core.errors import UserError
from segstudio.jobs.failures import reported
from segstudio.jobs.messages import Failed

#: Shown in the help, in this order; `worker` is for the program itself.
COMMANDS = (
    "train",
    "explain",
    "bake-off",
    "predict",
    "evaluate",
    "export",
    "history",
    "catalogue",
    "import-weights",
    "summary",
    "info",
    "verify",
    "unlock",
    "doctor",
    "demo",
)
HIDDEN = ("worker",)
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    with outliving_terminal():
        return _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console or pipe that knows no ✓, or a name that is no text
            stream.reconfigure(errors="backslashreplace")
    failures: list[Failed] = []
    try:
        with reported(failures.append):
            namespace = _parsed(words)
            with _unknown_images_vetted():
                return int(namespace.run(namespace))
    except UserError as error:
        if isinstance(error.__cause__, BrokenPipeError):  # the reader of a pipe, as `head`, has seen enough
            sys.stderr.close()
            return 0
        _tell(error, failures[-1] if failures else None, verbose="--verbose" in words)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED


def _unknown_images_vetted() -> AbstractContextManager[object]:
    from segstudio.io.files_read import files_read  # late: --help needs no numpy
    from segstudio.io.vetting import unknown_files_vetted

    return unknown_files_vetted(files_read(), at_once=False)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one sentence, without all flags of the command before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nSee `{self.prog} --help`.\n")


def parser_for(commands: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser that knows `commands`; the modules of the others are not imported."""
    parser = _Parser(
        prog="segstudio",
        description="Label, train, segment, correct and measure cells. Without a command the window opens; "
        "`segstudio PROJECT` opens it with a project, a folder of images or images, `segstudio --safe-mode` with "
        "standard settings and nothing opened by itself.",
        epilog="Exit codes: 0 done, 2 wrong usage, 3 bad input, 4 the job failed, 130 interrupted. "
        "Add --verbose to any command to see the details of an error.",
    )
    parser.add_argument("--version", action="version", version=f"SegStudio {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in commands:
        _module(name).add_parser(subparsers)
    return parser


def _parsed(words: list[str]) -> argparse.Namespace:
    command = next((word for word in words if not word.startswith("-")), None)
    known = (*COMMANDS, *HIDDEN)
    parser = parser_for((command,) if command in known else COMMANDS)
    if any(not word or (word.startswith("--") and word.endswith("=")) for word in words):
        # A path would silently become the folder one is in.
        parser.error("an argument is empty; is a variable not set?")
    # Flags for the settings of a plug-in are known only when its name is.
    plain, held = without_plug_ins([word for word in words if word != "--verbose"])
    namespace, rest = parser.parse_known_args(plain)
    rest += held
    if not rest:
        return namespace
    more = getattr(namespace, "more_flags", None)
    if more is None:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    second = _Parser(prog=f"segstudio {command}", usage=argparse.SUPPRESS, add_help=False)
    more(second, namespace)
    return second.parse_args(rest, namespace)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"segstudio.cli.{name.replace('-', '_')}")


def _tell(error: UserError, failure: Failed | None, *, verbose: bool) -> None:
    sys.stderr.write(f"{error.message}\n")
    if error.hint:
        sys.stderr.write(f"{error.hint}\n")
    if failure is not None and (verbose or error.code == "internal-error"):
        sys.stderr.write(f"\n{failure.details}\n")
