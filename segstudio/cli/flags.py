"""Settings → command-line flags: one `FieldSpec`, one flag, the same help as in the window's forms."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from segstudio.config.form_spec import FieldSpec, nested

_MARK = "setting:"
#: How flags begin whose names a plug-in knows that is chosen by another flag.
_OF_PLUG_INS = ("--architecture.", "--decode.", "--export.", "--formulation.")
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def add_flags(parser: argparse.ArgumentParser, fields: Sequence[FieldSpec], prefix: str = "") -> None:
    """Add a flag for each field, as ``--training.epochs N``, in a group for each section.

    Parameters
    ----------
    prefix
        Put before each field's path: ``"architecture."``.
    """
    groups: dict[str, Any] = {}
    for field in fields:
        if field.group not in groups:
            groups[field.group] = parser.add_argument_group(field.group or "settings")
        path = prefix + field.path
        groups[field.group].add_argument(
            f"--{path}",
            dest=_MARK + path,
            default=argparse.SUPPRESS,
            type=_parser_of(field),
            choices=field.choices or None,
            metavar=None if field.choices else _metavar(field),
            help=_help(field),
        )


def without_plug_ins(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return `words` without the flags of plug-ins, and these with their values.

    A parser that does not know them yet would take their values for files.

    Examples
    --------
    >>> without_plug_ins(["train", "--architecture.depth", "4", "data", "--decode.seed=0.1"])
    (['train', 'data'], ['--architecture.depth', '4', '--decode.seed=0.1'])
    """
    kept: list[str] = []
    held: list[str] = []
    value = False
    for word in words:
        flag = word.startswith(_OF_PLUG_INS)
        (held if flag or (value and not word.startswith("--")) else kept).append(word)
        value = flag and "=" not in word
    return kept, held


def given_settings(namespace: argparse.Namespace) -> dict[str, Any]:
    """Return the settings given as flags, by section: ``{"training": {"epochs": 3}}``; those not given are absent."""
    values = {name.removeprefix(_MARK): value for name, value in vars(namespace).items() if name.startswith(_MARK)}
    return nested(values)


def _parser_of(field: FieldSpec) -> Callable[[str], Any]:
    parsers: dict[str, Callable[[str], Any]] = {"bool": truth, "int": int, "float": float}
    if field.choices:
        return type(field.choices[0])
    return parsers.get(field.kind, str)


def truth(word: str) -> bool:
    """Read yes or no; raise ``argparse.ArgumentTypeError`` for anything else."""
    try:
        return _WORDS[word.lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{word!r} is neither yes nor no") from None


def _metavar(field: FieldSpec) -> str:
    return {"bool": "yes|no", "int": "N", "float": "X"}.get(field.kind, "TEXT")


def _help(field: FieldSpec) -> str:
    default = field.zero if field.default == 0 and field.zero else field.default
    if isinstance(default, bool):
        default = "yes" if default else "no"
    zero = f"; 0 means {field.zero}" if field.zero and field.default != 0 else ""
    unit = f" {field.unit}" if field.unit and default != field.zero else ""
    return f"{field.help} (default: {default}{unit}{zero})".replace("%", "%%")
