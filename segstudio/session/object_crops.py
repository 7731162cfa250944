"""Small pictures of objects for the gallery: read on a thread, only those that are in sight."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.core.tiles import TileKey, Window
from segstudio.labels.label_map import LabelMap
from segstudio.session.background import Background
from segstudio.session.crop_picture import crop_picture, surroundings
from segstudio.session.display.channels import ImageDisplay, default_display
from segstudio.session.display.shading import Histogram, Rendering, histograms, rendering, sample, shaded

if TYPE_CHECKING:
    from segstudio.io.sources import ImageSource
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument

#: So many are made before it is looked again which are in sight.
_AT_ONCE = 12
#: So many are kept.
_KEPT = 3000
#: Planes up to so many pixels that their format decodes as a whole are decoded once for many pictures.
_WHOLE = 1 << 26

Picture = NDArray[np.uint8]


class ObjectCrops:
    """Pictures of the objects of the plane in front.

    Parameters
    ----------
    background
        Reads and draws them.
    side
        Of a picture, pixels.
    display
        Returns how the image is displayed.
    """

    made = Signal(object)
    """Ids of objects whose pictures are there now."""

    def __init__(self, background: Background, side: int, display: Callable[[], ImageDisplay]) -> None:
        self.pictures: dict[int, Picture] = {}
        self._background = background
        self._side = side
        self._display = display
        self._document: ImageDocument | None = None
        self._wanted: list[int] = []
        self._busy = False
        self._since: set[int] | None = None
        self._pixels: _Pixels | None = None

    def load(self, document: "ImageDocument | None") -> None:
        """Follow another image, or another plane of it."""
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed, missing_ok=True)
        self._document = document
        self.pictures, self._wanted, self._since = {}, [], None
        self._pixels = _Pixels(document.source, document.plane) if document is not None else None
        if document is not None:
            document.changed.connect(self._on_changed)

    def redraw(self) -> None:
        """Make all pictures anew: the image is displayed in another way."""
        self.pictures = {}
        if self._pixels is not None and self._document is not None:
            self._pixels = self._pixels.again()
        self.made.emit(frozenset())

    def want(self, ids: Sequence[int]) -> None:
        """Make the pictures of these objects, in this order, instead of those asked for before."""
        self._wanted = [item for item in ids if item not in self.pictures]
        self._work()

    def _work(self) -> None:
        document, pixels = self._document, self._pixels
        if self._busy or document is None or pixels is None or not self._wanted:
            return
        now, self._wanted = self._wanted[:_AT_ONCE], self._wanted[_AT_ONCE:]
        self._busy, self._since = True, set()
        live, side = document.planes.labels, self._side
        indexed = live.indexed
        # A snapshot has no index of its own: the tiles of a few objects are quickly found here.
        places = {item: live.tiles_with(item) if indexed else None for item in now}
        labels, display = live.snapshot(), self._display()

        def take(found: dict[int, Picture]) -> None:
            self._busy = False
            since, self._since = self._since, None
            if pixels is self._pixels and since is not None:
                if not indexed:
                    live.take_index(labels)
                self._keep({item: picture for item, picture in found.items() if item not in since})
            self._work()

        def fail(_error: UserError) -> None:  # told where the image is shown
            self._busy = False

        self._background.run(
            lambda: _pictures(labels, pixels.shown_as(display), places, side), take, fail, lane="crops"
        )

    def _keep(self, found: dict[int, Picture]) -> None:
        self.pictures |= found
        while len(self.pictures) > _KEPT:
            del self.pictures[next(iter(self.pictures))]
        self.made.emit(frozenset(found))

    def _on_changed(self, change: "DocumentChange") -> None:
        if "labels" in change.planes and not change.live:
            gone = change.object_ids & self.pictures.keys()
            for item in gone:
                del self.pictures[item]
            if self._since is not None:
                self._since |= change.object_ids
            self.made.emit(frozenset())


class _Pixels:
    """The pixels of one plane of an image as light, for one thread."""

    def __init__(self, source: "ImageSource", plane: int) -> None:
        self._source, self._plane = source, plane
        self._histograms: tuple[Histogram, ...] = ()
        self._shades = Rendering(())
        self._whole: NDArray[Any] | None = None

    def again(self) -> "_Pixels":
        """Return the same pixels, for other pictures."""
        other = _Pixels(self._source, self._plane)
        other._histograms, other._whole = self._histograms, self._whole
        return other

    def shown_as(self, display: ImageDisplay) -> "_Pixels":
        """Take over how they are displayed; return themselves."""
        info = self._source.info
        self._histograms = self._histograms or histograms(sample(self._source, self._plane), info)
        fits = len(display.channels) == len(self._histograms)  # it may be that of the image before
        self._shades = rendering(display if fits else default_display(info), self._histograms, info)
        return self

    def light(self, window: Window) -> NDArray[np.uint8]:
        """Return ``(h, w, 3)`` of a window; black beyond the image."""
        inside = window.clip(self._source.info.size)
        shown = np.zeros((window.height, window.width, 3), np.uint8)
        if not inside.empty:
            light = shaded(self._read(inside), self._shades)
            target = shown[inside.shift(-window.y0, -window.x0).slices]
            target[:] = light if light.ndim == 3 else light[..., None]
        return shown

    def _read(self, window: Window) -> NDArray[Any]:
        height, width = self._source.info.size
        if self._source.decodes == "planes" and height * width <= _WHOLE:
            if self._whole is None:
                self._whole = self._source.read(None, self._plane)
            return self._whole[window.slices]
        return self._source.read(window, self._plane)


def _pictures(
    labels: LabelMap, pixels: _Pixels, places: Mapping[int, list[TileKey] | None], side: int
) -> dict[int, Picture]:
    found = {}
    for object_id, keys in places.items():
        window = labels.window_of(object_id, keys)
        if window is None:
            continue
        around = surroundings(window)
        inside = around.clip(labels.shape)
        mask = np.zeros(around.shape, np.bool_)
        mask[inside.shift(-around.y0, -around.x0).slices] = labels.read(inside) == object_id
        found[object_id] = crop_picture(pixels.light(around), mask, side)
    return found
