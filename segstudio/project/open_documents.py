"""The images of a project that are open, each at most once."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from segstudio.project.document import ImageDocument


class OpenDocuments:
    """Hands out documents and closes them; may be used by any thread.

    Parameters
    ----------
    lock
        Of the manifest: held while an image is opened.
    """

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._documents: dict[str, ImageDocument] = {}

    def get(self, image_id: str, open_image: Callable[[], ImageDocument]) -> ImageDocument:
        """Return the document of an image; `open_image` makes it when it is not open."""
        with self._lock:
            known = self._documents.get(image_id)
            if known is not None and not known.closed:
                return known
            document = open_image()
            self._documents = {key: item for key, item in self._documents.items() if not item.closed}
            self._documents[image_id] = document
            return document

    def holds(self, image_id: str) -> bool:
        """Return whether an image is open."""
        with self._lock:
            known = self._documents.get(image_id)
            return known is not None and not known.closed

    def unsaved(self, timeout: float) -> dict[str, str]:
        """Return the images with actions that are not on the disk after `timeout` seconds, by name, and why."""
        with self._lock:
            documents = [document for document in self._documents.values() if not document.closed]
        deadline = time.monotonic() + timeout
        while not all(document.durable for document in documents) and time.monotonic() < deadline:
            time.sleep(0.01)
        return {
            document.entry.name: document.save_state.partition(": ")[2]
            for document in documents
            if not document.durable
        }

    def close(self) -> bool:
        """Close all; return whether everything is on the disk."""
        with self._lock:
            documents = list(self._documents.values())
        done = True
        for document in documents:
            done = document.close() and done
        return done
