"""Who only looks at a project hears when its writer has changed the image in front."""

from contextlib import suppress
from pathlib import Path

from psygnal import Signal

from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.journal import SUFFIX
from segstudio.session.background import Background
from segstudio.session.front_image import FrontImage
from segstudio.session.notice import Notice

#: What such notices are about.
NEWER = "newer"
State = tuple[tuple[str, int, int], ...]


class Reading:
    """Compares the files of the image in front with what they were when it was opened.

    Parameters
    ----------
    front
        The image in front; only one that is open for reading only is looked after.
    background
        Reads the state of the files.
    """

    newer = Signal(object)
    """A `Notice`: the writer has changed the image in front."""

    def __init__(self, front: FrontImage, background: Background) -> None:
        self._front = front
        self._background = background
        self._document: ImageDocument | None = None
        self._state: State | None = None
        self._told = False
        front.changed.connect(self._on_document)

    def look(self) -> None:
        """Look whether there is something new; to be called every few seconds."""
        document = self._document
        if document is not None and not self._told:
            self._background.run(lambda: _state(document.files), lambda state: self._compare(document, state))

    def show(self) -> None:
        """Read the image in front anew."""
        if self._document is not None:
            self._front.open_again(self._document.entry.id)

    def _on_document(self, document: ImageDocument | None) -> None:
        self._document = document if document is not None and document.read_only else None
        self._state, self._told = None, False
        self.look()

    def _compare(self, document: ImageDocument, state: State) -> None:
        if document is not self._document:
            return
        if self._state is None:
            self._state = state
        elif state != self._state:
            self._told = True
            says = f"{document.entry.name} was changed by the program that has this project open for writing."
            self.newer.emit(Notice(says, about=NEWER, image=document.entry.id))


def _state(files: AnnotationFiles) -> State:
    found: list[Path] = list(files.published)
    with suppress(OSError):
        found += sorted(path for path in files.journal.iterdir() if path.suffix == SUFFIX)
    return tuple(_touched(path) for path in found)


def _touched(path: Path) -> tuple[str, int, int]:
    with suppress(OSError):
        stat = path.stat()
        return path.name, stat.st_size, stat.st_mtime_ns
    return path.name, -1, 0
