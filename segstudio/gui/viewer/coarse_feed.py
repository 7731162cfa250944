"""Coarse levels of a large image for the layer that shows it, while a thread makes them."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal

from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.io.coarse_cache import coarse_levels
from segstudio.io.coarse_levels import CoarseLevels, first_level
from segstudio.io.pyramid import PyramidKey
from segstudio.io.sources import ImageSource


class CoarseFeed(QObject):
    """Has the levels of one plane made, or taken from where they were kept, and tells how far that is.

    Parameters
    ----------
    source, plane
        Of which.
    loader
        Lends its slow thread.
    channel
        Of the loader.
    on_growth
        Called on the thread of the window when more tiles are ready, with the share that is done, 0 to 1.
    """

    _grown = Signal()

    def __init__(
        self,
        source: ImageSource,
        plane: int,
        loader: TileLoader,
        channel: str,
        on_growth: Callable[[float], None],
    ) -> None:
        super().__init__(loader)
        self._source, self._plane, self._loader = source, plane, loader
        self._first = first_level(source)
        self._levels: CoarseLevels | None = None
        self._given_up = False
        self._on_growth = on_growth
        self._grown.connect(self._tell, Qt.ConnectionType.QueuedConnection)
        loader.load(channel, plane, self._make, self._finish, slow=True)

    def serves(self, key: PyramidKey) -> bool:
        """Whether a tile comes from here, now or later."""
        return key.level >= self._first

    def tile(self, key: PyramidKey) -> Callable[[], NDArray[Any]] | None:
        """Return what reads a tile; ``None`` while it is not ready."""
        levels = self._levels
        if levels is None or not levels.ready(key):
            return None
        return lambda: levels.tile(key)

    def give_up(self) -> None:
        """Make no more, and tell of no more."""
        self._given_up = True
        self._on_growth = _nobody
        self.deleteLater()

    def _make(self) -> CoarseLevels | None:
        return coarse_levels(self._source, self._plane, self._begin, self._grown.emit, given_up=lambda: self._given_up)

    def _begin(self, levels: CoarseLevels) -> None:
        self._levels = levels
        self._grown.emit()

    def _tell(self) -> None:
        if self._levels is not None and self._levels.share < 1:
            self._on_growth(self._levels.share)

    def _finish(self, levels: CoarseLevels | None) -> None:
        if levels is not None:
            self._levels = levels
            self._on_growth(1.0)
            if levels.problem is not None:
                self._loader.failed.emit(levels.problem)


def _nobody(share: float) -> None:
    """Take what is told of levels that nobody waits for."""
