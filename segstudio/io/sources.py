"""Image files as sources of pixels: one function opens any format, one small interface reads windows of it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.core.registry import Registry
from segstudio.core.tiles import Window
from segstudio.io.decoding import check_budget, decoding, no_part
from segstudio.io.file_heads import read_head, refuse_folder, what_it_is
from segstudio.io.image_place import container_of


class PixelGate(Protocol):
    """Asked before pixels of an open file are decoded."""

    def __call__(self, window: Window, plane: int, size: tuple[int, int], level: int = 0) -> None:
        """Return when a window of a plane of ``(rows, columns)`` may be decoded; raise `BadInput` otherwise."""


class ImageSource(Protocol):
    """An open image file. `read` and `close` may be called from several threads."""

    @property
    def info(self) -> ImageInfo:
        """What the file holds."""

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """Sizes ``(rows, columns)`` of the smaller copies of a plane that the file holds, largest first."""

    @property
    def meaning(self) -> str:
        """Letters of what its axes were said to mean, see `segstudio.io.read_as`; empty for what the file says."""

    @property
    def decodes(self) -> Literal["nothing", "parts", "planes"]:
        """What passes through a decoder when a window is read: nothing, what lies under it, or the whole plane."""

    def read(self, window: Window | None = None, plane: int = 0) -> NDArray[Any]:
        """Return pixels, ``(h, w)`` or ``(h, w, channels)``, of the stored type, native byte order."""

    def read_level(self, level: int, window: Window | None = None, plane: int = 0) -> NDArray[Any]:
        """Return what `read` does of a smaller copy: 1 for the first of `levels`, 0 for the image itself."""

    def close(self) -> None:
        """Let go of the file, as soon as nobody is reading it; afterwards nobody can."""


class ImagePart(NamedTuple):
    """One of the images in a file that holds several.

    Attributes
    ----------
    name
        By which it is opened.
    words
        What it is, for people: ``"2 × 512 × 512, uint16"``.
    """

    name: str
    words: str


class BaseSource(ABC):
    """What all sources share: the window is clipped, plane and size are checked, errors name the file.

    It is closed between two reads, never while one goes on.

    Parameters
    ----------
    info
        What the file holds; `read` returns this dtype.

    Notes
    -----
    Sources are context managers.
    """

    #: What passes through a decoder when a window is read: nothing, what lies under it, or the whole plane.
    decodes: Literal["nothing", "parts", "planes"] = "parts"

    def __init__(self, info: ImageInfo) -> None:
        self.info = info
        #: Asked before a window is decoded.
        self.gate: PixelGate | None = None
        #: Whether the first plane was decoded from end to end.
        self.was_decoded = False
        #: Sizes ``(rows, columns)`` of the smaller copies of a plane that the file holds, largest first.
        self.levels: tuple[tuple[int, int], ...] = ()
        #: What its axes were said to mean; see `segstudio.io.read_as`.
        self.meaning = ""
        #: What the file holds instead or beside, each to be opened as if the file were a folder: ``FILE/name``.
        self.parts: tuple[ImagePart, ...] = ()
        #: Name of the one of `parts` that this is; empty where a file is one image.
        self.part = ""
        self._calm = threading.Condition()
        self._readers = 0
        self._closed = False

    def read(self, window: Window | None = None, plane: int = 0) -> NDArray[Any]:
        """Return a copy of the pixels in `window` (all when ``None``) of one plane.

        Parameters
        ----------
        window
            Half-open pixel rectangle; the part outside of the image is cut off.
        plane
            ``0 .. info.planes - 1``, along all axes but Y, X and channels, the last axis fastest.

        Returns
        -------
        ``(h, w)`` for gray, ``(h, w, channels)`` otherwise; `info.dtype`.

        Raises
        ------
        BadInput
            The pixels are damaged, or need more than `READ_BUDGET` bytes, or the source is closed.
        """
        return self.read_level(0, window, plane)

    def read_level(self, level: int, window: Window | None = None, plane: int = 0) -> NDArray[Any]:
        """Return what `read` does of a smaller copy of the plane.

        Parameters
        ----------
        level
            1 for the first of `levels`, and so on; 0 for the image itself.
        window
            In pixels of that copy.
        plane
            As for `read`, which says what is raised, too.
        """
        if not 0 <= plane < self.info.planes:
            raise IndexError(f"{self.info.path.name} has {self.info.planes} planes, there is no plane {plane}")
        size = self.levels[level - 1] if level else self.info.size
        part = Window.whole(size) if window is None else window.clip(size)
        trailing = () if self.info.channels == 1 else (self.info.channels,)
        if part.empty:
            return np.zeros((part.height, part.width, *trailing), np.dtype(self.info.dtype))
        check_budget(self.info.path, (part.height, part.width, *trailing), np.dtype(self.info.dtype))
        if self.gate is not None:
            self.gate(part, plane, size, level)
        with self._reading(), decoding(self.info.path):
            pixels = self._read_level(level, part, plane) if level else self._read(part, plane)
        self.was_decoded |= plane == level == 0 and part.shape == size
        return pixels

    @abstractmethod
    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        """Return an array of its own for a window that is not empty and lies inside."""

    def _read_level(self, level: int, window: Window, plane: int) -> NDArray[Any]:
        """Return what `_read` does of one of the `levels`; sources that have some do it."""
        raise NotImplementedError

    def _let_go(self) -> None:  # noqa: B027 - sources without an open file have nothing to do
        """Close the file; nobody reads it, and nobody will."""

    def close(self) -> None:
        """Let go of the file, as soon as those who are reading it are done; afterwards nobody can read."""
        with self._calm:
            first, self._closed = not self._closed, True
            self._calm.wait_for(lambda: self._readers == 0)
        if first:
            self._let_go()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._calm:
            if self._closed:
                raise BadInput(
                    f"{self.info.path.name} is not open any more.", hint="Open it again.", code="image-closed"
                )
            self._readers += 1
        try:
            yield
        finally:
            with self._calm:
                self._readers -= 1
                self._calm.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class ImageReader:
    """A plug-in that reads one family of formats.

    Attributes
    ----------
    formats
        What it reads, for people: ``("TIFF", "OME-TIFF")``.
    suffixes
        Usual file name endings, lower case, with the dot: for file dialogs and folder listings only.
    matches
        Tells from the first bytes whether the file is one of its own.
    open
        Opens the file. The second argument asks for the indices of palette images instead of their colours.
    folders
        Tells whether a folder is one of its images.
    has_parts
        Whether a file may hold several images; `open` then takes ``FILE/name`` as well.
    """

    formats: tuple[str, ...]
    suffixes: tuple[str, ...]
    matches: Callable[[bytes], bool]
    open: Callable[[Path, bool], BaseSource]
    folders: Callable[[Path], bool] = lambda folder: False
    has_parts: bool = False


readers: Registry[ImageReader] = Registry("image reader", "segstudio.io", "segstudio.readers")


class Gate(Protocol):
    """Asked before a file is opened; see `segstudio.io.vetting`."""

    def __call__(self, path: Path, *, indices: bool) -> "PixelGate | None":
        """Return what is to be asked before pixels are decoded, if anything; raise `BadInput` if it may not open."""


_gates: list[Gate] = []


@contextmanager
def gate_at_door(gate: Gate) -> Iterator[None]:
    """Ask `gate` for every image file that is opened inside, by any thread: a window must not die of one."""
    _gates.append(gate)
    try:
        yield
    finally:
        _gates.remove(gate)


def open_image(path: str | Path, *, indices: bool = False) -> BaseSource:
    """Open an image file; its content decides the format, not its name.

    Parameters
    ----------
    path
        The file.
    indices
        Give the stored indices of palette images (for label images), not their colours.

    Returns
    -------
    An open `ImageSource` and context manager.

    Raises
    ------
    BadInput
        With one sentence that names the file, and what to do.

    Examples
    --------
    >>> with open_image("cells.tif") as source:  # doctest: +SKIP
    ...     pixels = source.read(Window(0, 0, 512, 512))
    """
    file = Path(path)
    holder, part = container_of(file)
    is_folder = file.is_dir()
    head = b"" if is_folder else read_head(holder)
    for _, reader in readers:
        if reader.folders(file) if is_folder else reader.matches(head) and (reader.has_parts or not part):
            gate = _gates[-1](file, indices=indices) if _gates else None
            with decoding(file):
                source = reader.open(file, indices)
            if source.decodes != "nothing":
                source.gate = gate
            return source
    if is_folder:
        refuse_folder(file)
    if part:
        raise no_part(holder, part)
    raise BadInput(
        f"{file.name} {what_it_is(head)}.",
        hint="SegStudio reads TIFF, OME-TIFF, OME-Zarr, HDF5, PNG, JPEG, BMP, GIF, WebP and NumPy files.",
        code="image-format",
        path=file,
    )


def image_suffixes() -> frozenset[str]:
    """Return the file name endings that listings take for images, lower case, with the dot."""
    return frozenset(suffix for _, reader in readers for suffix in reader.suffixes)
