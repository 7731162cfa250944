"""project.json: what a project consists of, checked field by field, written atomically with one backup."""

import json
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segstudio.core.classes import ClassTable, ObjectClass
from segstudio.core.errors import BadInput
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DISK, Disk
from segstudio.io.objects_file import check_schema, load_json

MANIFEST: Final = "project.json"
BACKUP: Final = "project.json.bak"
SCHEMA_VERSION: Final = 1
#: About 100,000 images.
SIZE_LIMIT: Final = 64 << 20

#: Setting with the classes that were taken out.
_REMOVED: Final = "removed_classes"

SplitChoice = Literal["auto", "train", "val", "test"]
ImageState = Literal["empty", "labelled", "predicted", "reviewed"]


@dataclass(frozen=True)
class ImageEntry:
    """One image of a project.

    Attributes
    ----------
    id
        Never changes.
    path
        Relative to the project folder, with ``/``, when the image lies near it; absolute otherwise.
    name
        File name, as shown.
    stem
        Name of its label files without ending; unique in the project.
    height, width, channels, dtype
        Of the image, pixels and numpy name.
    pixel_size_um
        Side of a pixel in micrometres, ``None`` when unknown.
    fingerprint
        Size and hash of beginning and end of the file: tells whether it is still the same.
    split
        ``"auto"``: by the hash of `id`.
    reviewed
        The user has called it finished.
    objects
        Number of objects at the last checkpoint.
    marked
        Regions were marked at the last checkpoint.
    predicted
        Name of the run whose prediction came last, empty without.
    """

    id: str
    path: str
    name: str
    stem: str
    height: int
    width: int
    channels: int = 1
    dtype: str = "uint8"
    pixel_size_um: float | None = None
    fingerprint: str = ""
    split: SplitChoice = "auto"
    reviewed: bool = False
    objects: int = 0
    marked: bool = False
    predicted: str = ""

    @property
    def labelled(self) -> bool:
        """Whether a training can learn from it."""
        return self.objects > 0 or self.marked

    @property
    def state(self) -> ImageState:
        """How far the work on it is."""
        if self.reviewed:
            return "reviewed"
        if self.labelled:
            return "labelled"
        return "predicted" if self.predicted else "empty"


@dataclass(frozen=True)
class Manifest:
    """The content of project.json."""

    name: str
    images: tuple[ImageEntry, ...] = ()
    classes: ClassTable = field(default_factory=ClassTable)
    settings: dict[str, Any] = field(default_factory=dict)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Class(_Strict):
    id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class _Image(_Strict):
    id: Annotated[str, Field(pattern=r"^[0-9a-z-]{1,40}$")]
    path: Annotated[str, Field(min_length=1, max_length=4096)]
    name: Annotated[str, Field(min_length=1, max_length=1024)]
    stem: Annotated[str, Field(min_length=1, max_length=200)]
    height: Annotated[int, Field(ge=1, le=2**31 - 1)]
    width: Annotated[int, Field(ge=1, le=2**31 - 1)]
    channels: Annotated[int, Field(ge=1, le=65_535)]
    dtype: Annotated[str, Field(max_length=20)]
    pixel_size_um: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    fingerprint: Annotated[str, Field(max_length=100)]
    split: SplitChoice
    reviewed: bool
    objects: Annotated[int, Field(ge=0)]
    marked: bool
    predicted: Annotated[str, Field(max_length=1024)]


class _Manifest(_Strict):
    schema_version: int
    name: Annotated[str, Field(max_length=1024)]
    classes: Annotated[list[_Class], Field(min_length=1)]
    settings: dict[str, Any]
    images: list[_Image]


def load_manifest(folder: Path) -> tuple[Manifest, list[str]]:
    """Read the manifest of a project; its backup when project.json is damaged or missing.

    Returns
    -------
    The manifest and sentences for the user.

    Raises
    ------
    BadInput
        The folder is no project, a newer program wrote it, or manifest and backup are damaged: names the field.
    """
    try:
        return _load(folder / MANIFEST), []
    except BadInput as error:
        if error.code == "newer-format":
            raise
        try:
            manifest = _load(folder / BACKUP)
        except BadInput:
            if error.code == "file-missing":
                raise BadInput(
                    f"{folder.name} is no SegStudio project: it has no {MANIFEST}.",
                    hint="Choose the folder of a project, or make a new one from a folder of images.",
                    code="no-project",
                    path=folder,
                ) from error
            raise error from None
        return manifest, [f"{error.message} The version before it was opened instead."]


def _load(path: Path) -> Manifest:
    content = load_json(path, SIZE_LIMIT)
    check_schema(path, content, SCHEMA_VERSION)
    try:
        parsed = _Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _damaged(path, f"the field {where}: {first['msg'].lower()}") from error
    images = tuple(ImageEntry(**image.model_dump()) for image in parsed.images)
    _check_names(path, images)
    classes = ClassTable(tuple(ObjectClass(item.id, item.name, item.colour) for item in parsed.classes))
    if len(set(classes.ids)) != len(classes):
        raise _damaged(path, "the field classes repeats an id")
    gone = parsed.settings.pop(_REMOVED, [])
    removed = (_removed(item) for item in (gone if isinstance(gone, list) else []))
    classes = ClassTable(classes.classes, tuple(item for item in removed if item and item.id not in classes.ids))
    return Manifest(parsed.name, images, classes, parsed.settings)


def _removed(item: object) -> ObjectClass | None:
    try:
        known = _Class.model_validate(item)
    except ValidationError:
        return None  # only its name would be lost
    return ObjectClass(known.id, known.name, known.colour)


def _check_names(path: Path, images: tuple[ImageEntry, ...]) -> None:
    ids: set[str] = set()
    stems: set[str] = set()
    for index, image in enumerate(images):
        if image.id in ids:
            raise _damaged(path, f"the field images.{index}.id repeats {image.id}")
        if "\0" in image.path:
            raise _damaged(path, f"the field images.{index}.path is no path")
        # Label files are written under this name: it must not lead out of the folder, nor to another image's.
        if image.stem != _clean(image.stem, _STEM_BYTES) or stem_key(image.stem) in stems:
            raise _damaged(path, f"the field images.{index}.stem is no name of its own")
        ids.add(image.id)
        stems.add(stem_key(image.stem))


def _damaged(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path.name} is damaged: {reason}.",
        hint=f"Restore {path.name} in {path.parent} from a backup.",
        code="project-damaged",
        path=path,
    )


def save_manifest(folder: Path, manifest: Manifest, disk: Disk = DISK) -> None:
    """Write project.json atomically; what it held before becomes the backup.

    Raises
    ------
    DiskError
        Nothing has changed then.
    """
    path = folder / MANIFEST
    try:
        old = path.read_bytes()
    except OSError:
        old = b""
    new = encode_manifest(manifest)
    if new == old:
        return
    if old:
        write_atomic(folder / BACKUP, old, disk)
    write_atomic(path, new, disk)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of project.json: one line an image, so that two versions can be compared."""
    images = ",\n  ".join(
        json.dumps({name: getattr(entry, name) for name in _Image.model_fields}, ensure_ascii=False)
        for entry in manifest.images
    )
    table, settings = manifest.classes, manifest.settings
    classes, removed = (
        [{"id": item.id, "name": item.name, "colour": item.colour} for item in items]
        for items in (table.classes, table.removed)
    )
    if removed:
        settings = settings | {_REMOVED: removed}
    text = (
        f'{{\n "schema_version": {SCHEMA_VERSION},\n "name": {json.dumps(manifest.name, ensure_ascii=False)},\n'
        f' "classes": {json.dumps(classes, ensure_ascii=False)},\n'
        f' "settings": {json.dumps(settings, ensure_ascii=False, sort_keys=True)},\n'
        f' "images": [\n  {images}\n ]\n}}\n'
    )
    # What is no text, as half a character in a name, would make a file that cannot be read again.
    return text.encode("utf-8", "replace")


_FORBIDDEN: Final = frozenset('<>:"/\\|?*')
_RESERVED: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{word}{digit}" for word in ("com", "lpt") for digit in range(10)))
)
#: Leaves room for ``.foreign-12.tif`` within the 255 bytes of most file systems.
_STEM_BYTES: Final = 120


def stem_key(stem: str) -> str:
    """Return what two stems share when some disk takes them for the same name."""
    return unicodedata.normalize("NFC", stem).casefold()


def label_stem(stem: str, taken: Container[str]) -> str:
    """Return a name for label files: `stem` where that is safe on every system and not `taken` (`stem_key`)."""
    clean, number = _clean(stem, _STEM_BYTES - 8), 2
    candidate = clean
    while stem_key(candidate) in taken:
        candidate, number = f"{clean}-{number}", number + 1
    return candidate


def _clean(stem: str, limit: int) -> str:
    clean = "".join(
        "_" if char in _FORBIDDEN or unicodedata.category(char) in ("Cc", "Cs") else char for char in stem
    ).strip(" ")
    clean = clean.rstrip(". ").replace(".foreign-", "_foreign-")
    if not clean or clean.startswith((".", "-", "$")) or clean.split(".")[0].casefold() in _RESERVED:
        clean = f"image_{clean}"
    while len(clean.encode()) > limit:
        clean = clean[:-1]
    return clean.rstrip(". ")
