"""What of an open project is safe: its images and the list of them, on the disk, in the rescue store or nowhere yet."""

from typing import Final

from segstudio.project.content import Content
from segstudio.project.manifest_store import ManifestStore
from segstudio.project.open_documents import OpenDocuments
from segstudio.project.refusals import Refusal

#: How the user is told of project.json.
_LIST: Final = "the list of images and classes"


class SavedProject(Content):
    """The content of a project, and the documents that are open; may be asked on any thread."""

    def __init__(self, store: ManifestStore) -> None:
        super().__init__(store)
        self._documents = OpenDocuments()

    def unsaved(self, timeout: float = 1.0) -> dict[str, Refusal | None]:
        """Return what would be lost by name, images and the list of them, and why if known; waits for slow disks."""
        return self._documents.unsaved(timeout) | _of_list(self._store.saving.unsaved)

    def rescued(self, *, slow: bool = False) -> dict[str, Refusal]:
        """Return what the disk refuses and lies in the rescue store by name, images and the list of them, and why.

        Parameters
        ----------
        slow
            Also what the disk may take in a moment.
        """
        return self._documents.rescued(slow=slow) | _of_list(self._store.saving.rescued_because(slow=slow))

    @property
    def durable(self) -> bool:
        """Whether every finished action of all open images is on the disk of the project."""
        return self._documents.durable

    def retry(self) -> None:
        """Try a disk that refuses again, now."""
        self._documents.retry()
        self._store.saving.retry()


def _of_list(why: Refusal | None) -> dict[str, Refusal]:
    return {_LIST: why} if why else {}
