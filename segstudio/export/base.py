"""What an exporter is, what it is given, and the one function that runs it: all of the files appear, or none."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from segstudio.config.base import Config
from segstudio.config.problems import sentence
from segstudio.core.axes import PixelSize
from segstudio.core.classes import ClassTable
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.core.registry import Registry
from segstudio.io.atomic import TEMP_MARK, Data, make_folders, refuse_what_is_no_file, remove_folders, write_atomic
from segstudio.io.disk import DISK, DiskError, disk_error, disk_errors
from segstudio.io.sources import image_suffixes
from segstudio.labels.objects import ObjectInfo

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class ExportItem:
    """One labelled image.

    Attributes
    ----------
    name
        What its files are called, without ending.
    image_path
        The image; only its name is written down.
    labels
        Returns ``(rows, columns)`` int32, 0 background. Called once for each export.
    objects
        What is known of each object; ids without an entry have the first class.
    image
        Returns the pixels, ``(rows, columns)`` or with channels, for intensities; ``None`` leaves them out.
    channel_names
        One for each channel, or empty.
    sources
        Files that the labels come from; like the image, no export replaces them.
    split
        What the image is for: ``"train"``, ``"val"``, ``"test"``, or ``""`` where nobody said.
    """

    name: str
    image_path: Path
    labels: Callable[[], Labels]
    objects: Mapping[int, ObjectInfo] = field(default_factory=dict)
    classes: ClassTable = field(default_factory=ClassTable)
    pixel_size: PixelSize | None = None
    image: Callable[[], NDArray[Any]] | None = None
    channel_names: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    split: str = ""

    def info(self, object_id: int) -> ObjectInfo:
        """Return what is known of an object; unknown ones have the first class."""
        return self.objects.get(object_id) or ObjectInfo(class_id=self.classes.ids[0], state="unreviewed")

    def class_name(self, class_id: int) -> str:
        """Return a class's name, ``"class 7"`` for one that left the table."""
        return self.classes[class_id].name if class_id in self.classes.ids else f"class {class_id}"


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and one sentence for everything that the format could not hold.

    Attributes
    ----------
    folder
        The one that all of `written` lie in, some of them in folders of their own.
    """

    written: tuple[Path, ...]
    losses: tuple[str, ...] = ()
    folder: Path = Path()


class Sink:
    """Where an exporter puts its files: a hidden folder beside the target, until all are there.

    Attributes
    ----------
    main
        Name of the file that the user chose, for exporters that write one.
    names, made
        Files that were written, and folders that were made for them.
    """

    def __init__(self, folder: Path, main: str) -> None:
        self.folder = folder
        self.main = main
        self.names: list[str] = []
        self.made: list[Path] = []
        self._taken: set[str] = set()
        self._stems: set[str] = set()

    def stem(self, name: str) -> str:
        """Return `name`, or ``name_2`` when another image of this export is called so already."""
        number, stem = 1, name
        while stem.casefold() in self._stems:
            number += 1
            stem = f"{name}_{number}"
        self._stems.add(stem.casefold())
        return stem

    def write(self, name: str, data: Data) -> None:
        """Write one file; `name` is relative and may name folders."""
        if name.casefold() in self._taken:
            raise ValueError(f"{name} was written already")
        path = self.folder / name
        self.made += make_folders(path.parent)
        try:
            write_atomic(path, data)
        except DiskError as error:
            if isinstance(error.__cause__, OSError):  # the hidden folder says nothing to anybody
                raise disk_error(error.__cause__, self.folder.parent / name) from error
            raise
        self.names.append(name)
        self._taken.add(name.casefold())


class Exporter(ABC):
    """A format. Registered as an instance; stateless.

    Attributes
    ----------
    title, description
        What dialogs and the catalogue show.
    target
        Whether the user chooses a folder (a file for each image) or a file.
    suffix
        Of the file, or of the files in the folder.
    Settings
        What can be chosen.
    """

    title: ClassVar[str]
    description: ClassVar[str]
    target: ClassVar[Literal["folder", "file"]] = "folder"
    suffix: ClassVar[str]
    Settings: ClassVar[type[Config]] = Config

    @abstractmethod
    def write(self, items: Iterable[ExportItem], sink: Sink, settings: Any) -> list[str]:  # noqa: ANN401 - own Settings
        """Write all items to `sink`; return a sentence for everything that was lost.

        Raises
        ------
        UserError
            The format cannot hold the labels. Nothing is then written.
        """


exporters: Registry[Exporter] = Registry("exporter", "segstudio.export", "segstudio.exporters")


def export(
    name: str,
    items: Iterable[ExportItem],
    out: str | Path,
    settings: Mapping[str, Any] | None = None,
    *,
    replace: bool = False,
) -> Exported:
    """Export labelled images.

    Parameters
    ----------
    name
        Of the exporter, as `exporters` lists them.
    items
        Read one after the other.
    out
        Folder, or file for exporters that write one; missing folders are made.
    settings
        Overrides of the exporter's settings.
    replace
        Whether files of the same names may be replaced: an earlier export, perhaps of another format.

    Returns
    -------
    The files written and the sentences about losses.

    Raises
    ------
    UserError
        Nothing was written then, and files that were there before are unchanged, unless the disk refused in the
        last step, between two renames. Its code is ``"would-replace"`` when `replace` would help.
    """
    exporter = exporters.get(name)
    chosen = _settings(exporter, name, settings or {})
    target = Path(out)
    folder, main = target, ""
    if exporter.target == "file":
        if target.is_dir() or not target.suffix:
            target = target / f"objects{exporter.suffix}"
        folder, main = target.parent, target.name
    if folder.exists() and not folder.is_dir():
        raise WrongUsage(f"{folder.name} is a file, not a folder.", hint="Choose a folder.", code="export-target")
    made = make_folders(folder)
    stage = folder / f"{TEMP_MARK}-{uuid4().hex[:12]}"
    sink = Sink(stage, main)
    sources: set[Path] = set()
    places: set[Path] = set()
    try:
        with disk_errors(folder, "written to"):  # the name of the hidden folder is known to nobody
            DISK.make_folder(stage)
        made.append(stage)
        losses = exporter.write(_noted(items, sources, places), sink, chosen)
        _keep_sources(sources, folder, sink.names)
        _keep_apart(places, folder, sink.names)
        if not replace:
            _keep_earlier(folder, sink.names)
        for path in (folder / name for name in sink.names):
            made += make_folders(path.parent)
            refuse_what_is_no_file(path)
        written = _publish(sink, folder)
    except BaseException:
        _remove(sink)
        remove_folders(made)
        raise
    _remove(sink)
    return Exported(written, tuple(losses), folder)


def _noted(items: Iterable[ExportItem], sources: set[Path], places: set[Path]) -> Iterator[ExportItem]:
    """Yield `items` and note the files that they come from, and the folders of their images."""
    empty = True
    for item in items:
        empty = False
        image = item.image_path.resolve()
        sources.update((image, *(path.resolve() for path in item.sources)))
        places.add(image.parent)
        yield item
    if empty:
        raise BadInput("There is no labelled image to export.", hint="Label or predict one first.", code="export-empty")


def _keep_earlier(folder: Path, names: Iterable[str]) -> None:
    there = sorted(name for name in names if (folder / name).exists())
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise WrongUsage(
            f"The export would replace {there[0]}{more} in {folder}.",
            hint="Choose another folder, or say that these files may be replaced.",
            code="would-replace",
        )


def _keep_sources(sources: set[Path], folder: Path, names: Iterable[str]) -> None:
    for name in names:
        if (folder / name).resolve() in sources:
            raise WrongUsage(
                f"The export would replace {name} in {folder}, which is one of the images or labels themselves.",
                hint="Choose another folder.",
                code="export-target",
            )


def _keep_apart(places: set[Path], folder: Path, names: Iterable[str]) -> None:
    """Refuse label images among the images of a project: they would be taken for more of them."""
    suffixes = image_suffixes()
    for path in (folder / name for name in names):
        if path.suffix.lower() in suffixes and path.parent.resolve() in places:
            raise WrongUsage(
                f"{path.parent} holds the images themselves, and label images among them would be taken for images.",
                hint="Choose another folder.",
                code="export-target",
            )


def _settings(exporter: Exporter, name: str, values: Mapping[str, Any]) -> Config:
    try:
        return exporter.Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(map(str, first["loc"]))
        raise WrongUsage(
            f"The setting {setting!r} of the export {name!r} is wrong: {sentence(first)}.",
            hint=f"Settings are: {', '.join(exporter.Settings.model_fields) or 'none'}.",
            code="export-settings",
        ) from error


def _publish(sink: Sink, folder: Path) -> tuple[Path, ...]:
    written = []
    for name in sink.names:
        path = folder / name
        with disk_errors(path, "saved"):
            DISK.replace(sink.folder / name, path)
        written.append(path)
    for parent in {path.parent for path in written}:
        with disk_errors(parent, "saved"):
            DISK.sync_folder(parent)
    return tuple(written)


def _remove(sink: Sink) -> None:
    for name in sink.names:
        with suppress(OSError):
            DISK.unlink(sink.folder / name)
    remove_folders(sink.made)
    with suppress(OSError):
        DISK.remove_folder(sink.folder)
