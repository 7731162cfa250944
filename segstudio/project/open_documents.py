"""The images of a project that are open, each at most once."""

import threading
import time
from collections.abc import Callable
from typing import Final

from segstudio.core.errors import UserError
from segstudio.project.changes import RESCUED
from segstudio.project.document import ImageDocument
from segstudio.project.refusals import Refusal

#: So long an image that is opened again waits for the disk to take what was drawn before.
_PATIENCE_SECONDS: Final = 5.0


class OpenDocuments:
    """Hands out documents and closes them; may be used by any thread.

    Attributes
    ----------
    opening
        Held while an image is opened, which may take as long as a network drive likes: nobody who has it asks for
        less than a document, and the window never does.
    """

    def __init__(self) -> None:
        self.opening = threading.RLock()
        self._documents: dict[str, ImageDocument] = {}

    def get(self, image_id: str, open_image: Callable[[], ImageDocument]) -> ImageDocument:
        """Return the document of an image; `open_image` makes it when it is not open.

        Raises
        ------
        UserError
            The image was closed, and the disk still does not answer (code ``disk-slow``).
        """
        with self.opening:
            known = self._documents.get(image_id)
            if known is not None and not known.closed:
                return known
            if known is not None and not known.join(_PATIENCE_SECONDS):
                raise _still_saved(known)  # its thread would replace what the new one publishes
            document = open_image()
            self._documents = {key: item for key, item in self._documents.items() if not _ended(item)}
            self._documents[image_id] = document
            return document

    def holds(self, image_id: str) -> bool:
        """Return whether an image is open."""
        known = self._documents.get(image_id)
        return known is not None and not known.closed

    def publish(self, timeout: float = 30.0) -> Callable[[], None]:
        """Ask for a checkpoint of every open document now; return a function that waits for all on another thread.

        Returns
        -------
        Raises a `UserError` that names the image of which the disk refused the label files, also when that one was
        closed meanwhile.
        """
        documents = [document for document in list(self._documents.values()) if not document.read_only]
        waits = [(item, item.publish(timeout)) for item in documents if not item.closed]
        refused = [item for item in documents if _refused(item)]

        def wait() -> None:
            for item, published in waits:
                try:
                    published()
                except UserError as error:
                    raise _not_published(item, error.message, error.hint) from error
            for item in refused:
                if _refused(item):
                    reason = item.save_state.partition(": ")[2] or "The disk of the project does not answer."
                    raise _not_published(item, reason, "Open the image to save it again.")

        return wait

    def unsaved(self, timeout: float) -> dict[str, Refusal | None]:
        """Return the images with actions that are nowhere safe after `timeout` seconds, by name, and why if known."""
        documents = self.working
        deadline = time.monotonic() + timeout
        while not all(document.durable for document in documents) and time.monotonic() < deadline:
            time.sleep(0.01)
        return {item.entry.name: item.refused for item in documents if not item.safe}

    def rescued(self, *, slow: bool = False) -> dict[str, Refusal]:
        """Return the images whose last actions lie in the rescue store, by name, and why.

        Parameters
        ----------
        slow
            Also those that the disk may take in a moment.
        """
        told = [item for item in self.working if slow or item.save_state.startswith(RESCUED)]
        return {item.entry.name: why for item in told if (why := item.rescued)}

    @property
    def durable(self) -> bool:
        """Whether every finished action of all open images is on the disk of the project."""
        return all(document.durable for document in self.working)

    def retry(self) -> None:
        """Try a disk that refuses again, now."""
        for document in self.working:
            document.retry()

    @property
    def working(self) -> list[ImageDocument]:
        """The documents that are open."""
        return [document for document in list(self._documents.values()) if not document.closed]

    def close(self) -> bool:
        """Close all; return whether everything is on the disk."""
        with self.opening:
            documents = list(self._documents.values())
        done = True
        for document in documents:
            done = document.close() and done
        return done

    def join(self) -> None:
        """Wait after `close`, as long as it takes, until no thread of any document writes any more."""
        for document in list(self._documents.values()):
            document.join()


def _ended(document: ImageDocument) -> bool:
    """Whether nothing is left to do for a document, or to tell of it."""
    return document.closed and document.join(0) and not _refused(document)


def _refused(document: ImageDocument) -> bool:
    return document.closed and not document.read_only and not document.whole


def _still_saved(document: ImageDocument) -> UserError:
    return UserError(
        f"{document.entry.name} is still being saved; the disk of the project does not answer.",
        hint="Try again when the drive answers; what you drew is kept.",
        code="disk-slow",
        path=document.files.labels,
    )


def _not_published(document: ImageDocument, reason: str, hint: str) -> UserError:
    return UserError(
        f"The labels of {document.entry.name} could not be saved: {reason}",
        hint=hint or "Make room on the disk, or check the drive; what you drew is not lost.",
        code="labels-not-saved",
        path=document.files.labels,
    )
