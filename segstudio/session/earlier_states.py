"""The earlier states of the image in front: what they look like, what a restore would change, and the restore."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.labels.history import Planes
from segstudio.labels.restoring import Restoration, restoration
from segstudio.project.damaged_labels import restore_damaged, snapshots_of
from segstudio.project.going_back import Changes, changes
from segstudio.session.background import Background
from segstudio.session.label_picture import Rgb, Shade, sampled, with_labels, with_shades
from segstudio.session.notice import Level, Notice
from segstudio.session.thumbnails import thumbnail

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.manifest import ImageEntry
    from segstudio.project.project import Project
    from segstudio.project.snapshot_file import Snapshot
    from segstudio.project.snapshots import Snapshots
    from segstudio.session.front_image import FrontImage

#: What notices about a restore are about: only the newest is true.
EARLIER = "earlier state"
#: Small pictures must not keep a preview waiting.
_PICTURES, _LANE = "pictures of earlier states", "earlier states"
#: A restore that was overtaken by strokes is worked out anew so often.
_TRIES = 3


@dataclass(frozen=True)
class Shades:
    """How objects of a preview are drawn: those that stay as they are, come back, go, and change."""

    same: Shade
    back: Shade
    gone: Shade
    other: Shade


@dataclass(frozen=True, eq=False)
class Preview:
    """What a restore would do: how much changes, and an RGB picture of it."""

    changes: Changes
    picture: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Damaged:
    """An image that cannot be opened, since its labels are damaged."""

    entry: "ImageEntry"
    snapshots: "Snapshots"


@dataclass(frozen=True, eq=False)
class _Now:
    """An image as it is at one moment, for other threads; nothing is drawn on one that cannot be opened."""

    of: "ImageDocument | _Damaged"
    planes: Planes
    seq: int
    plane: int = 0


class EarlierStates:
    """Lists, shows and restores the earlier states of an image; nothing is read before it is asked for.

    It is the image in front, or one that cannot be opened, since its labels are damaged.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    front
        The image in front.
    background
        Reads and compares.

    Attributes
    ----------
    states
        As `look` found them, newest first; ``None`` as long as it looks.
    """

    changed = Signal()
    """Other states are known than before."""
    noticed = Signal(object)
    """A `Notice`."""

    def __init__(self, project: "Callable[[], Project | None]", front: "FrontImage", background: Background) -> None:
        self.states: tuple[Snapshot, ...] | None = None
        self._project = project
        self._front = front
        self._background = background
        self._damaged: _Damaged | None = None
        self._shown: ImageDocument | _Damaged | None = None
        self._known: _Now | None = None
        self._bare: dict[tuple[str, int], NDArray[np.uint8]] = {}
        front.changed.connect(self._on_front, priority=1)  # before anybody asks what is shown

    @property
    def image(self) -> "ImageEntry | None":
        """The image whose states these are; ``None`` for none."""
        return self._of.entry if self._of is not None else None

    @property
    def damaged(self) -> bool:
        """Whether it cannot be opened."""
        return self._damaged is not None

    def turn_to(self, image_id: str) -> None:
        """Turn to an image that cannot be opened; to the one in front when `image_id` is empty."""
        project = self._project()
        if project is None or not image_id:
            self._damaged = None
        elif self._damaged is None or self._damaged.entry.id != image_id:
            self._damaged = _Damaged(project.entry(image_id), snapshots_of(project, image_id))
        self.look()

    @property
    def _of(self) -> "ImageDocument | _Damaged | None":
        return self._damaged or self._front.document

    def _on_front(self, _document: object) -> None:
        self._damaged = None

    def look(self) -> None:
        """Look which states there are now; `changed` tells."""
        of = self._of
        snapshots = of.snapshots if of is not None else None
        if of is not self._shown:
            self._shown, self._known = of, None
            self._take(None if snapshots is not None else ())
        if snapshots is not None:
            found = snapshots.all
            self._background.run(
                lambda: tuple(found()),
                lambda states: self._take(states) if of is self._of else None,
                lane=_LANE,
            )

    def picture(
        self, number: int, size: int, colours: tuple[Rgb, ...], then: Callable[[NDArray[np.uint8]], None]
    ) -> None:
        """Make an RGB picture of one state, its longest side `size`; `then` gets it unless it cannot be read."""
        now = self._now()
        if now is None:
            return

        def make() -> NDArray[np.uint8]:
            planes = self._read(now, number)
            bare = self._bare_picture(now, size)
            return with_labels(bare, sampled(planes.page(now.plane).labels, bare.shape[:2]), colours)

        self._background.run(make, then, lambda _error: self.look(), lane=_PICTURES)

    def preview(
        self, number: int, size: int, shades: Shades, then: Callable[[Preview], None], wanted: Callable[[], bool]
    ) -> None:
        """Work out what a restore would change, and draw it; nothing is done when it is no more `wanted` by then."""
        now = self._now()
        if now is None:
            return

        def make() -> Preview | None:
            return self._preview(now, number, size, shades) if wanted() else None

        def done(preview: Preview | None) -> None:
            if preview is not None and now.of is self._of and wanted():
                then(preview)

        self._background.run(make, done, self._failed, lane=_LANE)

    def restore(self, number: int) -> None:
        """Make the annotation what it was, as one action that can be undone."""
        project = self._project()
        if project is not None:
            project.check_writable()
            if self._damaged is not None:
                self._restore_damaged(project, self._damaged.entry, number)
            else:
                self._restore(number, _TRIES)

    def _restore_damaged(self, project: "Project", entry: "ImageEntry", number: int) -> None:
        as_then = self._as_then(number)

        def done(_: None) -> None:
            if project is self._project():
                self._tell(f"The labels of {entry.name} are {as_then}.", level="good")
                self._front.open_again(entry.id)

        # In order with what opens images and closes the project.
        lane = self._front.lane
        self._background.run(lambda: restore_damaged(project, entry.id, number), done, self._failed, lane=lane)

    def _restore(self, number: int, tries: int) -> None:
        now, document = self._now(), self._front.document
        if now is None or document is None:
            return
        if document.editing:
            self._tell_overtaken(document)
            return

        def done(to: Restoration | None) -> None:
            if document is not self._front.document:
                return
            if to is None:
                self._tell(f"The labels of {document.entry.name} are {self._as_then(number)} already.")
            elif document.restore(to, now.seq) is not None:
                self._tell(
                    f"The labels of {document.entry.name} are {self._as_then(number)}.", "Undo takes it back.", "good"
                )
            elif tries > 1:  # something was drawn meanwhile
                self._restore(number, tries - 1)
            else:
                self._tell_overtaken(document)

        self._background.run(lambda: restoration(now.planes, self._read(now, number)), done, self._failed, lane=_LANE)

    def _preview(self, now: _Now, number: int, size: int, shades: Shades) -> Preview:
        then = self._read(now, number)
        found = changes(now.planes, then)
        bare = self._bare_picture(now, size)
        before, after = (sampled(planes.page(now.plane).labels, bare.shape[:2]) for planes in (now.planes, then))
        same = set(then.objects) - found.back - found.other
        going = {shades.gone: found.gone}
        coming = {shades.same: same, shades.back: found.back, shades.other: found.other}
        picture = with_shades(bare, (before, going), (after, coming))
        return Preview(found, picture)

    def _now(self) -> _Now | None:
        if self._damaged is not None:
            return _Now(self._damaged, Planes.empty(self._damaged.entry.shape), 0)
        document = self._front.document
        if document is None or document.snapshots is None or document.closed:
            return None
        known = self._known
        if known is not None and (known.of, known.seq, known.plane) == (document, document.seq, document.plane):
            return known
        now = _Now(document, document.stack.snapshot(), document.seq, document.plane)
        # What a gesture has painted up to now may be taken back, and its number stays the same.
        self._known = None if document.editing else now
        return now

    @staticmethod
    def _read(now: _Now, number: int) -> Planes:
        snapshots = now.of.snapshots
        if snapshots is None:
            raise ValueError("no earlier states are kept")
        return snapshots.read(number, now.planes)

    def _bare_picture(self, now: _Now, size: int) -> NDArray[np.uint8]:
        project, entry = self._project(), now.of.entry
        key = f"{entry.id} {entry.fingerprint} {now.plane} {entry.read_as}", size
        known = self._bare.get(key)
        if known is None:
            path = project.image_path(entry.id) if project is not None else Path(entry.path)
            known = thumbnail(path, min(size, max(now.planes.page(now.plane).shape)), now.plane, entry.read_as)
            self._bare = {**{of: made for of, made in self._bare.items() if of[0] == key[0]}, key: known}
        return known

    def _tell(self, says: str, hint: str = "", level: Level = "info") -> None:
        self.noticed.emit(Notice(says, hint, level, about=EARLIER))

    def _tell_overtaken(self, document: "ImageDocument") -> None:
        says = f"The labels of {document.entry.name} were not restored: they are being changed."
        self._tell(says, "Restore them again when the stroke has ended.", "warning")

    def _as_then(self, number: int) -> str:
        name = next((state.name for state in self.states or () if state.number == number), "")
        return f"as they were before “{name}”" if name else "as they were then"

    def _take(self, states: "tuple[Snapshot, ...] | None") -> None:
        if states != self.states:
            self.states = states
            self.changed.emit()

    def _failed(self, error: UserError) -> None:
        self.noticed.emit(Notice.of(error))
        self.look()
