"""The object table beside a label TIFF: JSON, one object a line, with class, source and review state of each id."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Final, cast, get_args

from segstudio.core.errors import BadInput
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DISK, Disk
from segstudio.io.regular_file import open_regular
from segstudio.labels.objects import ObjectInfo, ReviewState, Source

#: The newest form of a table; each is written in the oldest form that can hold it, so that earlier programs read it.
SCHEMA_VERSION: Final = 2
#: States that came with a later form than the first, and which that was.
_STATES_SINCE: Final[Mapping[ReviewState, int]] = {"suspicious": 2}
#: A million objects take about 70 MB.
SIZE_LIMIT: Final = 256 << 20
_LARGEST_ID: Final = 2**31 - 1
_CHOICES: Final = {"source": get_args(Source), "state": get_args(ReviewState)}


def write_objects(path: Path, objects: Mapping[int, ObjectInfo], next_id: int, disk: Disk = DISK) -> None:
    """Write an object table, atomically; the same table gives the same bytes.

    Parameters
    ----------
    path
        Target.
    objects
        Id → class, source and state.
    next_id
        Smallest id that was never used.

    Raises
    ------
    DiskError
        Nothing has changed then.
    """
    lines = [
        json.dumps({"id": id_, "class": info.class_id, "source": info.source, "state": info.state})
        for id_, info in sorted(objects.items())
    ]
    body = ",\n".join(lines)
    version = max((_STATES_SINCE.get(info.state, 1) for info in objects.values()), default=1)
    text = f'{{"schema_version": {version}, "next_id": {next_id}, "objects": [\n{body}\n]}}\n'
    write_atomic(path, text.encode(), disk)


def read_objects(path: Path) -> tuple[dict[int, ObjectInfo], int]:
    """Read an object table.

    Returns
    -------
    Id → info, and the smallest id that was never used.

    Raises
    ------
    BadInput
        Naming the field that is wrong.
    """
    content = load_json(path, SIZE_LIMIT)
    check_schema(path, content, SCHEMA_VERSION)
    entries = content.get("objects")
    if not isinstance(entries, list):
        raise bad_field(path, "objects", "is not a list")
    objects: dict[int, ObjectInfo] = {}
    for index, entry in enumerate(entries):
        id_, info = _object(path, f"objects[{index}]", entry)
        if id_ in objects:
            raise bad_field(path, f"objects[{index}].id", f"repeats the id {id_}")
        objects[id_] = info
    next_id = _integer(path, "next_id", content.get("next_id"))
    return objects, max(next_id, max(objects, default=0) + 1)


def any_to_review(path: Path) -> bool:
    """Return whether a table holds an object that somebody has to look at; not where it cannot be read.

    The text is searched and not read as JSON: thousands of tables are looked through on the way to the next image.
    """
    try:
        raw = read_limited(path, SIZE_LIMIT)
    except BadInput:
        return False
    return any(f'"{state}"'.encode() in raw for state in get_args(ReviewState) if state != "accepted")


def _object(path: Path, field: str, entry: object) -> tuple[int, ObjectInfo]:
    if not isinstance(entry, dict):
        raise bad_field(path, field, "is not an object")
    for name, choices in _CHOICES.items():
        if entry.get(name) not in choices:
            raise bad_field(path, f"{field}.{name}", f"is none of {', '.join(choices)}")
    info = ObjectInfo(
        class_id=_integer(path, f"{field}.class", entry.get("class")),
        source=cast("Source", entry["source"]),
        state=cast("ReviewState", entry["state"]),
    )
    return _integer(path, f"{field}.id", entry.get("id")), info


def _integer(path: Path, field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST_ID + 1:
        raise bad_field(path, field, f"is no whole number from 1 to {_LARGEST_ID}")
    return value


def load_json(path: Path, limit: int) -> dict[str, Any]:
    """Read a JSON object of at most `limit` bytes; raise `BadInput` saying what is wrong with the file."""
    return parse_json(path, read_limited(path, limit))


def read_limited(path: Path, limit: int) -> bytes:
    """Return the bytes of a file that has at most `limit` of them; raise `BadInput` for a larger one."""
    try:
        with open_regular(path) as file:
            raw = file.read(limit + 1)
    except FileNotFoundError as error:
        raise BadInput(f"{path.name} is missing in {path.parent}.", code="file-missing", path=path) from error
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror or error}") from error
    if len(raw) > limit:
        raise _bad(path, f"is larger than {limit >> 20} MB")
    return raw


def parse_json(path: Path, raw: bytes, depth: int | None = None) -> dict[str, Any]:
    """Return the JSON object that `raw`, the content of the file at `path`, holds.

    Parameters
    ----------
    depth
        How deeply lists and objects may lie in each other; with a number, no name may come twice in an object and no
        number may be too large either. ``None`` for tables whose fields are checked one by one.

    Raises
    ------
    BadInput
        Saying what is wrong with the file.
    """
    try:
        if depth is None:
            content = json.loads(raw, parse_constant=_no_constant)
        else:
            content = json.loads(
                raw, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_without_repeats
            )
            _check_depth(content, depth)
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"is damaged: {_in_words(error)}") from error
    if not isinstance(content, dict):
        raise _bad(path, "is damaged: it holds no JSON object")
    return content


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:40]} is larger than any number that can be kept")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice[:40]} is there twice")
    return content


def _check_depth(content: object, depth: int) -> None:
    level = [content]
    for _ in range(depth + 1):
        inside = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [item for items in inside for item in items if isinstance(item, dict | list)]
        if not level:
            return
    raise RecursionError


def _in_words(error: ValueError | RecursionError) -> str:
    """Return what is wrong with a text that is no JSON, for people who do not know what that is."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it holds something else than text"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if error.msg.startswith("Unterminated") or not error.doc[error.pos :].strip():
        return "it ends too early, as after a copy that broke off"
    return f"line {error.lineno} is not as this program writes it"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def check_schema(path: Path, content: dict[str, Any], newest: int) -> None:
    """Raise `BadInput` when a newer version of the program wrote the file, or no version."""
    version = content.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise bad_field(path, "schema_version", "is no version number")
    if version > newest:
        raise BadInput(
            f"{path.name} was written by a newer SegStudio (format {version}, this one knows {newest}).",
            hint="Install the newest version to open it; nothing was changed.",
            code="newer-format",
            path=path,
        )


def bad_field(path: Path, field: str, problem: str) -> BadInput:
    """Return the error for one wrong field of a JSON file."""
    return _bad(path, f"is damaged: the field {field} {problem}")


def _bad(path: Path, problem: str) -> BadInput:
    return BadInput(f"{path.name} {problem}.", hint="Restore it from a backup.", code="file-damaged", path=path)
