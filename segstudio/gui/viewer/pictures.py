"""What is looked at: the image in front, or the image that a model made of it; each displayed in its own way."""

from dataclasses import replace

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtWidgets import QGraphicsScene

from segstudio.core.errors import UserError
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.image_layer import ImageLayer
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.io.projection import MaximumProjection
from segstudio.io.sources import ImageSource
from segstudio.session.display.channels import default_display
from segstudio.session.display.shading import Histogram, histograms, rendering, sample
from segstudio.session.notice import Notice
from segstudio.session.session import Session


class Pictures(QObject):
    """Two layers in one place, of which one is seen. Both keep their tiles, so that the other is there at once.

    Parameters
    ----------
    session
        Says which one is seen, and how it is displayed.
    scene, loader
        Get the layers, and read their tiles.
    """

    shaded = Signal(object)
    """The `Rendering` of what is seen."""
    sampled = Signal(object, object)
    """An `ImageSource` that is shown or waits to be, and the `Histogram` of each of its channels."""
    prepared = Signal(float)
    """How much of a large image is prepared to be seen, 0 to 1."""

    def __init__(self, session: Session, scene: QGraphicsScene, loader: TileLoader, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._loader = loader
        self._image = ImageLayer(scene, loader)
        self._image.on_growth = self.prepared.emit
        self._made = ImageLayer(scene, loader, "made image", z=1)
        self._histograms: dict[ImageLayer, tuple[Histogram, ...]] = {}
        self._whole: ImageSource | None = None
        self._plane = 0
        self._camera = self._prepared = Camera()
        self._told: set[str] = set()
        loader.idle.connect(self._settle)
        loader.failed.connect(self._tell)

    @property
    def seen(self) -> ImageLayer:
        """The layer that is seen."""
        return self._made if self._session.made.shown else self._image

    def set_source(self, source: ImageSource | None) -> None:
        """Show another image, or none."""
        self._told.clear()
        self._whole = source
        self._show_image()
        self.follow_made()

    def set_plane(self, plane: int) -> None:
        """Show another plane of the image."""
        self._plane = plane
        shown = self._image.source
        self._image.set_plane(shown.first(plane) if isinstance(shown, MaximumProjection) else plane)

    def project(self) -> None:
        """Show the image, or its brightest pixels along an axis, as the session says."""
        shown = self._image.source
        before = shown.letter if isinstance(shown, MaximumProjection) else ""
        if self._whole is not None and self._letter() != before:
            self._show_image()
            self.set_plane(self._plane)

    @property
    def image(self) -> ImageSource | None:
        """The image, or its projection."""
        return self._image.source

    def _letter(self) -> str:
        return self._session.planes.projected(self._session.view.projection)

    def _show_image(self) -> None:
        letter, whole = self._letter(), self._whole
        shown = MaximumProjection(whole, letter) if whole is not None and letter else whole
        self._read(self._image, "histogram", shown)

    def follow_made(self) -> None:
        """Show the image made or the image, as the session says."""
        made = self._session.made
        source = made.source if self._image.source is not None else None
        if source is not self._made.source:
            self._read(self._made, "made histogram", source)
            self._image.set_visible(True)
        self._made.set_visible(made.shown)
        if not made.shown:
            self._image.set_visible(True)  # else it stays below until the tiles of the other are there
        self.apply_display()

    def set_camera(self, camera: Camera, bounds: QRectF, ratio: float) -> None:
        """Follow the view."""
        self._camera = camera
        for layer in (self._image, self._made):
            layer.set_camera(camera, bounds.width(), bounds.height(), ratio)

    def apply_display(self) -> None:
        """Shade what is seen as the session says."""
        found, source, display = self._histograms.get(self.seen), self.seen.source, self._session.view.display
        # The display may be that of an image that is about to come.
        if found is not None and source is not None and len(found) == len(display.channels):
            shown = rendering(display, found, source.info, self._missing)
            self.seen.set_rendering(shown)
            self.shaded.emit(shown)

    def _read(self, layer: ImageLayer, channel: str, source: ImageSource | None) -> None:
        self._histograms.pop(layer, None)
        self._loader.restart(channel)
        layer.set_source(source)
        if source is not None:
            self._loader.load(
                channel,
                0,
                lambda: histograms(sample(source), source.info),
                lambda found: self._take(layer, source, found),
            )

    def _take(self, layer: ImageLayer, source: ImageSource, found: tuple[Histogram, ...]) -> None:
        self._histograms[layer] = found
        self.sampled.emit(self._whole if layer is self._image else source, found)
        if layer is self.seen:
            self.apply_display()
        else:
            # Its tiles are there when it is wanted.
            layer.set_rendering(rendering(default_display(source.info), found, source.info, self._missing))

    @property
    def _missing(self) -> tuple[int, int, int]:
        """Colour of pixels without a value."""
        colour = self._session.preferences.missing_colour
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        return red, green, blue

    def _tell(self, error: UserError) -> None:
        """Say once for each image what of it cannot be shown: its other parts can be labelled."""
        document = self._session.document
        if document is not None and error.message not in self._told:
            self._told.add(error.message)
            self._session.noticed.emit(replace(Notice.of(error), image=document.entry.id))

    def _settle(self) -> None:
        """Let the layer that is not seen have its tiles ready, too; once, for those that cannot be read."""
        hidden = self._image if self.seen is self._made else self._made
        # Where a tile of the image made cannot be read, the image below must not take its place.
        hidden.set_visible(False)
        if self._camera != self._prepared:
            self._prepared = self._camera
            hidden.request()
