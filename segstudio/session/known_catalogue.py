"""What the engine offers, as far as it is known: kept on the disk, or made by the worker when it is asked for."""

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from segstudio.jobs.catalogue import Catalogue, catalogue_file, load_catalogue
from segstudio.jobs.spec import CatalogueJob
from segstudio.session.background import Background
from segstudio.session.job import new_job_id

#: The lane in which files of jobs are read.
_LANE = "jobs"


class KnownCatalogue:
    """Has the catalogue as soon as somebody wants it.

    Parameters
    ----------
    background
        Reads the file.
    make
        Lets the worker make it.
    asked
        Returns whether the worker is just making it.
    """

    changed = Signal()

    def __init__(
        self, background: Background, make: Callable[[CatalogueJob], object], asked: Callable[[], bool]
    ) -> None:
        self.catalogue: Catalogue | None = None
        self._background, self._make, self._asked = background, make, asked

    def want(self, *, make: bool) -> None:
        """Load it; with `make` it is made when none is kept."""
        if self._lacks():
            self._background.run(load_catalogue, lambda kept: self._on_kept(kept, make=make), lane=_LANE)

    def read(self, path: Path) -> None:
        """Take over what the worker made."""
        self._background.run(lambda: load_catalogue(path), self._on_made, lane=_LANE)

    def _lacks(self) -> bool:
        return self.catalogue is None and not self._asked()

    def _on_kept(self, kept: Catalogue | None, *, make: bool) -> None:
        if not self._lacks():
            return  # somebody else has asked meanwhile
        if kept is not None:
            self._set(kept)
        elif make:
            self._make(CatalogueJob(job_id=new_job_id(), output=catalogue_file()))

    def _on_made(self, made: Catalogue | None) -> None:
        if made is not None:
            self._set(made)

    def _set(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.changed.emit()
