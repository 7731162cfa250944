"""Masks of other programs taken as labels of images that are in the project already."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.session.background import Background
from segstudio.session.edits_ahead import EditsAhead, Wish
from segstudio.session.notice import Notice

if TYPE_CHECKING:
    from segstudio.project.mask_import import TakeLabels
    from segstudio.project.project import Project
    from segstudio.session.front_image import FrontImage

#: What notices about masks are about: the newest takes the place of others, and all go with the project.
MASKS = "masks"
#: What is odd about masks is told together.
_ODD = "odd masks"
#: Where masks that were left out are imported again.
_AGAIN = "again with File > Import masks…"
#: So many masks are taken before other images have their turn to be opened.
_AT_ONCE = 8


@dataclass
class _Taken:
    """What has become of masks so far.

    Attributes
    ----------
    images
        So many have labels now.
    problems
        Sentences about what was odd.
    tried
        Images whose masks need no other turn.
    waited
        Images that were left a moment ago, and have been waited for once.
    """

    images: int = 0
    problems: list[str] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    waited: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Read:
    """A mask that was read, and what is odd about it: told when it is drawn, for it may be read again."""

    edit: "TakeLabels"
    odd: list[str]


class MaskTaking:
    """Finds masks of images without labels, offers them, and takes them; labels that exist stay as they are.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    front
        The image in front; its mask is an action that the user can undo.
    background, lane
        Where images are opened and closed, one after the other.
    ahead
        Draws the mask of the image in front.
    """

    offered = Signal(object, int)
    """Masks by the id of their image, which the user may `take`; how many images were added."""
    noticed = Signal(object)
    """A `Notice`."""
    changed = Signal()
    """Images have labels now."""

    def __init__(
        self,
        project: "Callable[[], Project | None]",
        front: "FrontImage",
        background: Background,
        lane: str,
        ahead: EditsAhead,
    ) -> None:
        self._project = project
        self._ahead = ahead
        self._front = front
        self._background = background
        self._lane = lane
        self._added: set[str] = set()

    def forget(self) -> None:
        """Offer only what is added from now on."""
        self._added = set()

    def offer(self, image_ids: Collection[str]) -> None:
        """Look for masks beside images that were just added, and offer them with those that were offered before."""
        project = self._project()
        if project is None or not image_ids:
            return
        added = self._added = self._added | set(image_ids)

        def tell(found: dict[str, Path]) -> None:
            if added is self._added and (free := self._free(found)):
                self.offered.emit(free, len(added))

        self._background.run(lambda: project.masks(among=added), tell, lane=self._lane)

    def take_from(self, folder: Path) -> None:
        """Take the masks in a folder that have the names of images without labels; say so when there is none."""
        project = self._project()
        if project is None:
            return

        def go_on(found: dict[str, Path]) -> None:
            if project is not self._project():
                return
            if free := self._free(found):
                self.take(free)
            else:
                says = f"The folder {folder.name} holds no mask for an image without labels."
                hint = "A mask has the name of its image: a.png or a.tif for a.tif. Images that have labels keep them."
                self.noticed.emit(Notice(says, hint, "warning", about=MASKS))

        self._background.run(lambda: project.masks(folder), go_on, lane=self._lane)

    def take(self, masks: Mapping[str, Path]) -> None:
        """Take masks as labels of their images, by the id of the image; then say how many it were."""
        self.forget()
        if len(masks) > _AT_ONCE:
            says = f"The labels of {len(masks)} images are being taken from masks …"
            self.noticed.emit(Notice(says, "You can go on working.", about=MASKS))
        self._take(dict(masks), _Taken())

    def _take(self, masks: dict[str, Path], so_far: _Taken) -> None:
        """Take some of `masks`, then the others: an image that is looked at meanwhile is opened in between."""
        project = self._project()
        if project is None:
            return
        now = dict(list(masks.items())[:_AT_ONCE])

        def work() -> dict[str, _Read]:
            # The image in front belongs to the main thread: its mask is read here and drawn there.
            front = now.keys() & self._in_front()
            # One that was just left is closed before the next turn; where the disk refuses that, it stays open.
            closing = {key for key in now.keys() - front - so_far.waited if project.is_open(key)}
            so_far.waited |= closing
            _import(project, {key: mask for key, mask in now.items() if key not in front | closing}, so_far)
            read = _read(project, {key: now[key] for key in sorted(front)}, so_far)
            so_far.tried |= front - read.keys()
            return read

        def draw(read: dict[str, _Read]) -> None:
            if project is self._project():
                self._draw(read, so_far, lambda: self._go_on(project, masks, so_far))

        def failed(error: UserError) -> None:
            self.noticed.emit(Notice.of(error))
            if left := len(masks.keys() - so_far.tried):
                which, them = ("1 mask was", "it") if left == 1 else (f"{left} masks were", "them")
                so_far.problems.append(f"After that {which} not imported. Import {them} {_AGAIN}")
            self._tell(so_far)

        self._background.run(work, draw, failed, lane=self._lane)

    def _go_on(self, project: "Project", masks: dict[str, Path], so_far: _Taken) -> None:
        if project is not self._project():
            return
        left = {key: mask for key, mask in masks.items() if key not in so_far.tried}
        if left and left.keys() != self._painted():
            self._take(left, so_far)
            return
        for mask in left.values():
            so_far.problems.append(
                f"{mask.name} was not imported: a stroke was going on in its image. Import it {_AGAIN}"
            )
        self._tell(so_far)

    def _draw(self, read: Mapping[str, _Read], so_far: _Taken, then: Callable[[], None]) -> None:
        """Take labels for the image in front, as one action; one that is not free there has another turn."""
        document = self._front.document
        found = read.get(document.entry.id) if document is not None else None
        if document is None or found is None:
            then()
            return
        image_id, name = document.entry.id, document.entry.name

        def done(_edit: object, record: object) -> None:
            so_far.tried.add(image_id)
            if record is None:
                so_far.problems.append(f"The mask of {name} was not imported: it has labels already.")
            else:
                so_far.problems += found.odd
                so_far.images += 1
            then()

        def given_up() -> None:
            so_far.tried.add(image_id)
            then()

        if not self._ahead.apply(document, Wish(lambda: found.edit, done, given_up=given_up)):
            then()

    def _free(self, found: dict[str, Path]) -> dict[str, Path]:
        """Return `found` without the image in front when something is drawn there that is not on the disk yet."""
        document = self._front.document
        drawn = document.entry.id if document is not None and not document.stack.blank else ""
        return {image_id: mask for image_id, mask in found.items() if image_id != drawn}

    def _painted(self) -> set[str]:
        """Return the image in front while a stroke is going on there."""
        document = self._front.document
        return {document.entry.id} if document is not None and document.editing else set()

    def _in_front(self) -> set[str]:
        document = self._front.document
        return {self._front.wanted, document.entry.id if document is not None else ""}

    def _tell(self, taken: _Taken) -> None:
        for problem in taken.problems:
            self.noticed.emit(Notice(problem, "", "warning", group=_ODD))
        if taken.images:
            which = "1 image" if taken.images == 1 else f"{taken.images} images"
            says = f"The labels of {which} were taken from masks."
            hint = "What the masks leave out counts as background."
            self.noticed.emit(Notice(says, hint, "good", about=MASKS))
        self.changed.emit()


def _labelled(project: "Project") -> set[str]:
    return {entry.id for entry in project.images if entry.labelled}


def _import(project: "Project", masks: Mapping[str, Path], taken: _Taken) -> None:
    """Take the masks of images that are not open."""
    before = _labelled(project)
    try:
        taken.problems += project.import_masks(masks=masks)
        taken.tried |= masks.keys()
    finally:
        labelled = (_labelled(project) - before) & masks.keys()
        taken.tried |= labelled
        taken.images += len(labelled)


def _read(project: "Project", masks: Mapping[str, Path], taken: _Taken) -> dict[str, _Read]:
    """Read the masks of images that are open; why one cannot be read is added to `taken`."""
    read = {}
    for image_id, mask in masks.items():
        if not any(entry.id == image_id for entry in project.images):
            continue  # taken out since
        try:
            edit, warnings = project.read_mask(image_id, mask)
        except UserError as error:
            taken.problems.append(str(error))
        else:
            read[image_id] = _Read(edit, [f"{mask.name}: {sentence}" for sentence in warnings])
    return read
