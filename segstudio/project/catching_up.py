"""After a program was killed: what only the journals hold gets into the label files, one image after the other."""

import re
import threading
from collections.abc import Callable, Iterable, Sequence

from segstudio.core.errors import BadInput, UserError
from segstudio.io.disk import DISK, Disk
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.layout import Layout
from segstudio.project.manifest import ImageEntry
from segstudio.project.outward import refuse_image_links_out
from segstudio.project.recovery import recover
from segstudio.project.rescue import ImageRescue

#: Code of the error about an image that cannot be opened, so that its label file stays behind.
LEFT_BEHIND = "left-behind"


def maybe_behind(images: Iterable[ImageEntry], layout: Layout) -> list[str]:
    """Return the images with a journal, and those with label files of which their entries do not tell."""

    def maybe(entry: ImageEntry) -> bool:
        files = layout.files(entry)
        untold = not entry.labelled and any(path.exists() for path in files.published)
        return untold or any(files.journal.glob("*.sj"))

    return [entry.id for entry in images if maybe(entry)]


def coming_back(kept: Sequence[str], images: Iterable[ImageEntry], place: str, *, read_only: bool) -> list[str]:
    """Return what the user is told about images of which something lies in the rescue store; nothing for none."""
    if not kept:
        return []
    names = {entry.id: entry.name for entry in images}
    more = "" if len(kept) == 1 else f" and {len(kept) - 1:,} other image{'s' if len(kept) > 2 else ''}"
    now = "and comes back now" if not read_only else "and is not in the project yet"
    there = f" It was kept for the project in {place}, which is not there now, and stays kept for it." if place else ""
    return [f"What you did last in {names[kept[0]]}{more} was kept on this computer {now}.{there}"]


def naming_image(sentence: str, entry: ImageEntry) -> str:
    """Return a sentence about an image that is not in front, with the name of the image where it has none."""
    stem = re.escape(entry.stem)
    has_name = re.search(rf"(^|\bof ){stem}( |\.\w)|(?<![\w.]){stem}\.\w", sentence) is not None
    return sentence if has_name else f"{entry.name}: {sentence}"


def hold_everything(
    files: AnnotationFiles,
    entry: ImageEntry,
    rescue: ImageRescue,
    on_published: Callable[[int, bool], None],
    disk: Disk = DISK,
) -> bool:
    """Return whether the label files of an image that cannot be opened lack no action; reads no pixel of the image.

    Then `on_published` is called as `ImageDocument.open` does: the entry may be older than the files.
    """
    try:
        refuse_image_links_out(files)
        found = recover(files, entry.id, entry.shape, read_only=True, disk=disk, rescue=rescue)
    except UserError:
        return False
    if found.changed or found.table_changed or found.whole:
        return False
    on_published(len(found.planes.objects), bool(found.planes.regions.keys()))
    return True


class CatchingUp:
    """The images whose label files may lack the last actions, or be newer than what the project tells of them.

    May be used by any thread.

    Parameters
    ----------
    image_ids
        Those, when the last program did not close the project.
    """

    def __init__(self, image_ids: Iterable[str] = ()) -> None:
        self._left = list(image_ids)
        self._passed_over = False
        self._changed = threading.Condition()

    @property
    def left(self) -> tuple[str, ...]:
        """Images that are still to be looked at."""
        with self._changed:
            return tuple(self._left)

    @property
    def done(self) -> bool:
        """Whether every label file holds everything; if not, the next program that opens the project tries again."""
        with self._changed:
            return not self._left and not self._passed_over

    def catch_up(
        self,
        image_id: str,
        *,
        name: Callable[[], str],
        is_open: bool,
        open_image: Callable[[], ImageDocument],
        holds_everything: Callable[[], bool],
        tell: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        """Bring the label files of one image up to date.

        Parameters
        ----------
        image_id
            One of `left`.
        name
            Returns what it is called in messages.
        is_open
            Whether somebody works on it: it stays open then.
        open_image
            Returns its document.
        holds_everything
            Returns whether the label files of an image that cannot be opened lack nothing.
        tell
            Hears what opening has found, damage above all, in sentences that name the image: afterwards it is mended,
            and nobody would find it again. Of an image that is open whoever opened it has told.

        Raises
        ------
        UserError
            The disk refused, or the image is missing or damaged and its label files lack actions (code `LEFT_BEHIND`):
            those stay in the journal. An image that was taken out of the project meanwhile is passed over.
        """
        try:
            try:
                _publish(open_image(), is_open, tell)
            except BadInput as error:
                if not holds_everything():
                    raise _left_behind(name(), error) from error
                # What is wrong with the image is told by who opens it.
        except KeyError:  # taken out, be it while its journal was read
            self._passed_over = True
        except UserError:
            self._passed_over = True
            raise
        finally:
            with self._changed:
                self._left = [item for item in self._left if item != image_id]
                self._changed.notify_all()

    def wait(self, timeout: float) -> None:
        """Wait until nothing is left; raise `UserError` when that takes longer than `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._left, timeout):
                raise UserError(
                    f"The labels of {len(self._left)} images are still being recovered after a crash.",
                    hint="Try again in a minute.",
                    code="catching-up",
                )


def _publish(document: ImageDocument, is_open: bool, tell: Callable[[str], object]) -> None:
    try:
        for sentence in document.notices if not is_open else ():
            tell(naming_image(sentence, document.entry))
        document.publish()()
        document.tell_published()  # the entry may be older than the files
    finally:
        if not is_open:
            document.close()


def _left_behind(name: str, error: BadInput) -> UserError:
    return UserError(  # what is wrong with the image comes last: it is told by a banner of its own, too
        f"What was done last on {name}, before the program was killed, is kept but not in its label file: "
        "trainings and exports do not see it.",
        hint=f"{error.message} {error.hint}".strip(),
        code=LEFT_BEHIND,
        path=error.path,
    )
