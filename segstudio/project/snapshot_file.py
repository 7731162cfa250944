"""What one snapshot is and says of itself in its ``snapshot.json``."""

import json
import stat
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal, get_args

from segstudio.core.errors import BadInput
from segstudio.io.objects_file import check_schema, load_json
from segstudio.project.annotation_files import AnnotationFiles

#: ``generation``: kept every ten minutes of work; ``restore point``: of the state before a large change.
SnapshotKind = Literal["generation", "restore point"]
SCHEMA_VERSION: Final = 1
ABOUT: Final = "snapshot.json"
PARTS: Final = ("labels.tif", "regions.tif", "objects.json")

_SUM: Final = "sum"
_FIELDS: Final = frozenset(("schema_version", "image", "shape", "seq", "kind", "name", "time", "counts", "files"))
_SIZE_LIMIT: Final = 1 << 16


@dataclass(frozen=True)
class Contents:
    """What a snapshot is to say of itself.

    Attributes
    ----------
    kind
        Why it was taken.
    name
        Of a restore point: what it was taken before. Empty otherwise.
    seq
        Sequence number of the last action that is in it.
    time
        When the annotation was like that, with its time zone; only told, never compared.
    objects
        Number of objects.
    """

    kind: SnapshotKind
    name: str
    seq: int
    time: datetime
    objects: int


@dataclass(frozen=True)
class Snapshot(Contents):
    """One earlier state.

    Attributes
    ----------
    number
        Place in the order of all snapshots of the image.
    image_id, shape
        Of the image that it was made on: its id, and ``(rows, columns)``.
    files
        Where it lies; missing files are all 0, or no objects.
    sums
        Length and digest of each file, by name.
    sound
        Whether each byte of its description is as it was written, as far as that can be told.
    """

    number: int
    image_id: str
    shape: tuple[int, int]
    files: AnnotationFiles
    sums: dict[str, tuple[int, str]]
    sound: bool = True

    @property
    def day(self) -> str:
        """The day of `time`, where it was taken."""
        return self.time.date().isoformat()


def files_in(folder: Path) -> AnnotationFiles:
    """Return the files of the snapshot in `folder`."""
    labels, regions, objects = (folder / name for name in PARTS)
    return AnnotationFiles(labels, regions, objects, folder)


def encoded(snapshot: Snapshot) -> bytes:
    """Return the content of ``snapshot.json``."""
    about = {
        "schema_version": SCHEMA_VERSION,
        "image": snapshot.image_id,
        "shape": list(snapshot.shape),
        "seq": snapshot.seq,
        "kind": snapshot.kind,
        "name": snapshot.name,
        "time": snapshot.time.isoformat(timespec="seconds"),
        "counts": {"objects": snapshot.objects},
        "files": {name: {"bytes": length, "blake2b": digest} for name, (length, digest) in snapshot.sums.items()},
    }
    return _written({**about, _SUM: _digest(about)})


def _written(about: dict[str, Any]) -> bytes:
    return json.dumps(about, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _digest(about: dict[str, Any]) -> str:
    return blake2b(_written(about), digest_size=8).hexdigest()


def _is_sound(path: Path, about: dict[str, Any]) -> bool:
    """Whether a description is as it was written; one of an earlier version has no sum."""
    if _SUM not in about:
        return about.keys() <= _FIELDS
    said = {name: value for name, value in about.items() if name != _SUM}
    return bool(about[_SUM] == _digest(said)) and path.read_bytes() == _written(about)


def read_about(folder: Path) -> Snapshot | BadInput | None:
    """Return what a folder holds; ``None`` when that is no whole snapshot, the error when that cannot be told."""
    path = folder / ABOUT
    try:
        about = load_json(path, _SIZE_LIMIT)
        check_schema(path, about, SCHEMA_VERSION)
        found = replace(_decoded(folder, about), sound=_is_sound(path, about))
        whole = all(_length(folder / name) == found.sums.get(name, (None,))[0] for name in PARTS)
    except BadInput as error:
        unreadable = isinstance(error.__cause__, OSError) and error.code != "file-missing"
        return error if unreadable or error.code == "newer-format" else None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    except OSError as error:
        return BadInput(f"{folder.name} cannot be read: {error.strerror or error}.", path=folder)
    return found if whole else None


def _length(path: Path) -> int | None:
    """Return the length of a file of our own, ``None`` when it is missing, -1 for a link or anything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("no time zone")
    return time


def _decoded(folder: Path, about: dict[str, Any]) -> Snapshot:
    """Return what a description says; whatever is wrong with it raises one of the errors that `read_about` expects."""
    if about["kind"] not in get_args(SnapshotKind):
        raise ValueError("unknown kind")
    rows, columns = about["shape"]
    sums = {name: (int(entry["bytes"]), str(entry["blake2b"])) for name, entry in about["files"].items()}
    if not sums.keys() <= set(PARTS):
        raise ValueError("unknown file")
    return Snapshot(
        kind=about["kind"],
        name=str(about["name"]),
        seq=int(about["seq"]),
        time=_time(about["time"]),
        objects=int(about["counts"]["objects"]),
        number=int(folder.name),
        image_id=str(about["image"]),
        shape=(int(rows), int(columns)),
        files=files_in(folder),
        sums=sums,
    )
