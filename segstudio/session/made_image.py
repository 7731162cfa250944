"""The image that a model made of the one in front: found on the disk, and shown in its place on request."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import BadInput, UserError
from segstudio.io.image_file import open_made
from segstudio.io.json_file import json_content
from segstudio.io.sources import ImageSource
from segstudio.jobs.messages import Artifact, Message
from segstudio.session.background import Background
from segstudio.session.job_queue import JobQueue
from segstudio.session.kept_displays import KeptDisplays
from segstudio.session.predictions import made_name

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import ImageEntry, Project
    from segstudio.session.runs import Run

_LANE = "made"
_AGAIN = "Predict the image again."


class MadeImage:
    """Offers the image that the chosen model made of the image in front, if there is one.

    Parameters
    ----------
    project, document
        Return what is open, or ``None``.
    jobs
        Tells when an image was made.
    displays
        Keeps how what is shown is displayed: image and made image each in their way.
    background
        Opens files.

    Attributes
    ----------
    source
        The image made; ``None`` while there is none to show.
    wanted
        Whether the user wants to see it in place of the image; stays for images that have none.
    looking
        Whether it is being looked for.
    problem
        Why the file that there is cannot be shown; empty for nothing.
    model
        Name of the model.
    """

    changed = Signal()
    """Another one is offered, none any more, or the other one of the two is shown."""

    def __init__(
        self,
        project: "Callable[[], Project | None]",
        document: "Callable[[], ImageDocument | None]",
        jobs: JobQueue,
        displays: KeptDisplays,
        background: Background,
    ) -> None:
        self.source: ImageSource | None = None
        self.wanted = False
        self.looking = False
        self.problem = ""
        self.model = ""
        self._project = project
        self._document = document
        self._displays = displays
        self._background = background
        self._run = ""
        self._asked = 0
        jobs.message.connect(self._on_message)

    @property
    def shown(self) -> bool:
        """Whether it is seen in place of the image."""
        return self.wanted and self.source is not None

    @property
    def seen(self) -> ImageSource | None:
        """What is looked at: this one, or the image in front; ``None`` for nothing."""
        document = self._document()
        if document is None:
            return None
        return self.source if self.shown else document.source

    def choose(self, run: "Run | None") -> None:
        """Take the images of another model; ``None``, or one that makes no images, offers none."""
        maker = run if run is not None and run.makes_images else None
        before = self._run, self.model
        self._run, self.model = (maker.folder.name, maker.name) if maker is not None else ("", "")
        if self._run != before[0]:
            self._look()
        elif self.model != before[1]:
            self.changed.emit()

    def turn_to_front(self) -> None:
        """Follow the image in front: another one, or none."""
        self._look()

    def show(self, wanted: bool) -> None:
        """Show it in place of the image, or the image again."""
        if wanted != self.wanted:
            self.wanted = wanted
            self._settle()

    def toggle(self) -> None:
        """Show the other one of the two, when there are two."""
        if self.source is not None:
            self.show(not self.wanted)

    def _on_message(self, _job_id: str, message: Message) -> None:
        document = self._document()
        if not isinstance(message, Artifact) or message.role != "image" or document is None:
            return
        if message.image_id == document.entry.id and Path(message.path).parent == self._folder():
            self._look(fresh=True)

    def _folder(self) -> Path | None:
        project = self._project()
        return project.predictions_folder / self._run if project is not None and self._run else None

    def _look(self, *, fresh: bool = False) -> None:
        """Find the image made of the one in front; a `fresh` one is shown, and the one before until it is there."""
        project, document, folder = self._project(), self._document(), self._folder()
        self._asked += 1
        asked = self._asked
        self.looking = project is not None and document is not None and folder is not None
        if not fresh:
            self._offer(None)
        if project is None or document is None or folder is None:
            return
        entry, images, size = document.entry, tuple(project.images), document.planes.shape

        def take(found: ImageSource | None) -> None:
            if asked == self._asked:
                self.looking, self.wanted = False, self.wanted or (fresh and found is not None)
                self._offer(found)
            elif found is not None:
                self._background.run(found.close, lane=_LANE)

        def failed(error: UserError) -> None:
            if asked == self._asked:
                self.looking = False
                self._offer(None, f"{error.message} {_AGAIN}")

        self._background.run(lambda: _opened(folder, entry, images, size), take, failed, lane=_LANE)

    def _offer(self, source: ImageSource | None, problem: str = "") -> None:
        before, self.source, self.problem = self.source, source, problem
        self._settle()
        if before is not None and before is not source:
            self._background.run(before.close, lane=_LANE)  # nobody reads it any more

    def _settle(self) -> None:
        """Bring the display in step with what is shown, and tell."""
        seen = self.seen
        self._displays.turn_to(seen.info if seen is not None else None, self._run if self.shown else "")
        self.changed.emit()


def _opened(
    folder: Path, entry: "ImageEntry", images: "Iterable[ImageEntry]", size: tuple[int, int]
) -> ImageSource | None:
    """Return the newest image made of one of the `images`; ``None`` when there is none. Raises `BadInput`."""
    places = (path for path in _places(folder, entry, images) if path.is_file())
    found = [path for path in places if _made_of(path) in ("", entry.id)]
    if not found:
        return None
    path = max(found, key=lambda path: path.stat().st_mtime)
    try:
        source = open_made(path)
    except BadInput as error:
        message = f"The image that the model made of {entry.name} cannot be shown: {error.message}"
        raise BadInput(message, hint=_AGAIN, code="made-unreadable", path=path) from error
    made = source.info.size
    if made != size:
        source.close()
        raise BadInput(
            f"The image that the model made of {entry.name} has {made[0]} × {made[1]} pixels, the image itself "
            f"{size[0]} × {size[1]}.",
            hint=_AGAIN,
            code="made-size",
            path=path,
        )
    return source


def _made_of(path: Path) -> str:
    """Return the id of the image that `path` was made of; empty when the file beside it does not say."""
    try:
        content = json_content(path.with_suffix(".json"))
    except (OSError, ValueError):
        return ""
    return str(content.get("image_id", "")) if isinstance(content, dict) else ""


def _places(folder: Path, entry: "ImageEntry", images: "Iterable[ImageEntry]") -> list[Path]:
    """Return where it may lie: other images with its name may have come or gone since it was made."""
    stem = Path(entry.name).stem.casefold()
    alone = sum(Path(other.name).stem.casefold() == stem for other in images) == 1
    return [folder / made_name(entry, alone=kind) for kind in ((True, False) if alone else (False,))]
