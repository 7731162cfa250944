"""The overlays of one document: regions, labels, proposals and boxes, kept in step with document and view state."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtWidgets import QGraphicsScene

from segstudio.core.tiles import Window
from segstudio.gui.theme import tokens
from segstudio.gui.viewer.boxes_in_view import BoxesInView
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.colour_choice import colours_of, legend_of, proposal_colours
from segstudio.gui.viewer.colour_legend import ColourLegend
from segstudio.gui.viewer.colouring import ObjectColours, graph_colours
from segstudio.gui.viewer.label_render import LabelStyle, draw_labels, draw_regions
from segstudio.gui.viewer.palette import label_colours, rgb
from segstudio.gui.viewer.screen_layer import Draw, ScreenLayer
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.labels.label_map import LabelMap
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.session.object_numbers import ObjectNumbers
from segstudio.session.session import Session

#: While the wheel turns, the old tiles are shown magnified; new ones are drawn once it rests this long.
_ZOOM_DELAY_MS = 30
_SELECT_DELAY_MS = 15
#: Up to so many objects that are selected or no more are drawn again one by one, with more of them everything is.
_REPAIRED = 24
#: Planes up to so many pixels are coloured as a whole.
_WHOLE = 1 << 24


class Overlays(QObject):
    """Owns the layers above the image.

    Parameters
    ----------
    scene
        Gets the layers.
    """

    def __init__(self, session: Session, scene: QGraphicsScene, loader: TileLoader, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._document: ImageDocument | None = None
        self._proposals: LabelMap | None = None
        self._states: Mapping[int, str] = {}
        self._palette = session.preferences.palette
        self._colours, self._proposal_colours = self._new_colours(), self._new_colours()
        self._numbers = ObjectNumbers(session.view, session.objects, self._class_ids, session.background)
        self._camera = Camera()
        self._ratio = 1.0
        self.regions = ScreenLayer("regions", loader)
        self.labels = ScreenLayer("labels", loader)
        self.proposals = ScreenLayer("proposals", loader)
        for z, layer in enumerate((self.regions, self.labels, self.proposals), start=10):
            layer.setZValue(z)
            scene.addItem(layer)
        self.boxes = BoxesInView(scene, 13, loader, lambda: session.view.show_boxes, self)
        self.legend = ColourLegend()
        self.legend.setZValue(21)
        scene.addItem(self.legend)
        self._reselected: set[int] = set()
        self._zoom_timer = self._timer(_ZOOM_DELAY_MS, self._request)
        self._select_timer = self._timer(_SELECT_DELAY_MS, self._draw_selected)
        self._numbers.changed.connect(self._on_numbers)
        self._numbers.touched.connect(self._on_touched)
        session.preferences_changed.connect(self._on_preferences)

    def close(self) -> None:
        """Follow the session no more."""
        self._session.preferences_changed.disconnect(self._on_preferences)
        self._numbers.changed.disconnect()
        self._numbers.touched.disconnect()
        self._numbers.close()

    def _timer(self, delay_ms: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(delay_ms)
        timer.timeout.connect(call)
        return timer

    def set_document(self, document: ImageDocument | None) -> None:
        """Show the planes of another document."""
        self._document = document
        self.turn()
        self.set_proposals(None, {})
        self.refresh()

    def turn(self) -> None:
        """Show the labels of the plane that is in front now."""
        document = self._document
        self._colours = self._new_colours()
        self._numbers.load(document)
        self.boxes.set_plane(document.planes.labels if document else None, self._colours, label_colours(self._palette))
        self.boxes.set_pixel_size(document.pixel_size if document else None)
        shape = document.planes.shape if document else (0, 0)
        self.labels.set_source(self._label_drawing(), shape)
        self.regions.set_source(self._region_drawing(), shape)
        self._request()
        self.boxes.find_soon()
        self._colour_graph()

    def set_proposals(self, labels: LabelMap | None, states: Mapping[int, str]) -> None:
        """Show other proposals; rejected and accepted ones (by `states`) are left out."""
        self._proposals, self._states = labels, states
        self._proposal_colours = self._new_colours()
        self.proposals.set_source(self._proposal_drawing(), labels.shape if labels is not None else (0, 0))
        self.proposals.request()

    @property
    def waiting(self) -> bool:
        """Whether something is about to be asked for."""
        return self.boxes.waiting or self._zoom_timer.isActive() or self._select_timer.isActive()

    @property
    def shown_proposals(self) -> LabelMap | None:
        """The proposals in the proposal layer."""
        return self._proposals

    def set_camera(self, camera: Camera, bounds: QRectF, ratio: float) -> None:
        """Follow the view."""
        zoomed = camera.scale != self._camera.scale
        if ratio != self._ratio:
            self._ratio = ratio
            self.restyle()
        self._camera = camera
        for layer in (self.regions, self.labels, self.proposals):
            layer.set_camera(camera, bounds, ratio)
        if zoomed:
            self._zoom_timer.start()
        elif not self._zoom_timer.isActive():
            self._request()
        self.boxes.set_camera(camera, bounds, ratio)
        self.legend.set_bounds(bounds)

    def on_changed(self, change: DocumentChange) -> None:
        """Repair what a change of the document touches."""
        if "labels" in change.planes:
            if not change.live and change.object_ids and self._session.view.colour_by == "class":
                self.labels.restyle(self._label_drawing())
            if not change.announced:
                self.labels.invalidate(change.window)
            self.boxes.find_soon()
        if "regions" in change.planes and not change.announced:
            self.regions.invalidate(change.window)

    def on_proposals_changed(self, window: Window) -> None:
        """Repair the proposals in a window."""
        self.proposals.invalidate(window)

    def restyle(self) -> None:
        """Draw labels and proposals anew after opacity, colours or selection changed."""
        self.labels.restyle(self._label_drawing())
        self.proposals.restyle(self._proposal_drawing())
        self.boxes.set_selected(self._session.view.selected)

    def select(self, before: frozenset[int], after: frozenset[int]) -> None:
        """Draw objects again that are selected now, or no more."""
        changed = before ^ after
        if len(changed) > _REPAIRED or self._document is None:
            self.restyle()
            return
        self.labels.take_drawing(self._label_drawing())
        self._reselected |= changed
        self._select_timer.start()
        self.boxes.set_selected(after)

    def _draw_selected(self) -> None:
        """Repair the objects that are selected now or no more; a stroke's own frame has come before."""
        ids, self._reselected = self._reselected, set()
        for object_id in ids:
            window = self._document.planes.labels.window_of(object_id) if self._document is not None else None
            if window is not None:
                self.labels.invalidate(window)

    def restyle_proposals(self) -> None:
        """Draw the proposals anew after another came into focus."""
        self.proposals.restyle(self._proposal_drawing())

    def refresh(self) -> None:
        """Show and hide layers as the view state says."""
        view, here = self._session.view, self._document is not None
        on = here and not view.peek
        for item in (self.labels, self.legend):
            item.setVisible(on and (view.show_fill or view.show_contours))
        self.regions.setVisible(on and view.show_regions)
        self.proposals.setVisible(on and view.show_predictions and self._proposals is not None)
        self.boxes.show(on and view.show_boxes, view.box_opacity)
        self._request()

    def _request(self) -> None:
        for layer in (self.labels, self.regions, self.proposals, self.boxes):
            layer.request()

    def _label_drawing(self) -> Draw | None:
        document, view, colours = self._document, self._session.view, self._colours
        if document is None:
            return None
        plane = document.planes.labels
        shown = colours_of(self._session, self._numbers)
        style = LabelStyle(
            colours=shown.colours,
            other=shown.other,
            fill=view.fill_opacity if view.show_fill else 0.0,
            line=view.contour_opacity if view.show_contours else 0.0,
            width=1.5 * self._ratio,
            selected=view.selected,
            number_of=shown.numbers,
            edged=document.source.info.kind == "rgb",
        )
        return lambda area, scale: draw_labels(plane, area, scale, style, colours)

    def _proposal_drawing(self) -> Draw | None:
        plane, view, colours = self._proposals, self._session.view, self._proposal_colours
        if plane is None:
            return None
        hidden = {key for key, state in self._states.items() if state in ("rejected", "accepted")}
        current = self._session.review.current
        shown = proposal_colours(self._session)
        style = LabelStyle(
            colours=shown.colours,
            other=shown.other,
            fill=0.18 * view.prediction_opacity if view.show_fill else 0.0,
            line=view.prediction_opacity,
            width=1.5 * self._ratio,
            dashed=True,
            selected=frozenset({current} if current else ()),
            number_of=shown.numbers,
            hidden=frozenset(hidden),
            edged=self._document is not None and self._document.source.info.kind == "rgb",
        )
        return lambda area, scale: draw_labels(plane, area, scale, style, colours)

    def _region_drawing(self) -> Draw | None:
        if self._document is None:
            return None
        plane = self._document.planes.regions
        complete, ignore = rgb(tokens().canvas["region"]), rgb(tokens().canvas["ignore"])
        return lambda area, scale: draw_regions(plane, area, scale, complete, ignore)

    def take_class(self) -> None:
        """Draw what is about to be drawn in the colour of the class in hand."""
        self.labels.take_drawing(self._label_drawing())

    def recolour(self) -> None:
        """Make the colours anew after the classes have changed."""
        self._numbers.make()
        self.proposals.restyle(self._proposal_drawing())

    def _on_numbers(self) -> None:
        """Show other colours, and what they mean."""
        self.labels.restyle(self._label_drawing())
        self.legend.set_legend(legend_of(self._session, self._numbers))

    def _on_touched(self, ids: frozenset[int]) -> None:
        """Draw objects again that have another colour, as those are that are selected now or no more."""
        if len(ids) > _REPAIRED:
            self.labels.restyle(self._label_drawing())
        else:
            self._reselected |= ids
            self._select_timer.start()

    def _on_preferences(self, _preferences: object) -> None:
        """Take over another palette."""
        if self._session.preferences.palette != self._palette:
            self._palette = self._session.preferences.palette
            self._colours, self._proposal_colours = self._new_colours(), self._new_colours()
            if self._document is not None:
                self.boxes.set_plane(self._document.planes.labels, self._colours, label_colours(self._palette))
            self.restyle()
            self.boxes.find_soon()
            self._colour_graph()

    def _colour_graph(self) -> None:
        """Find on a thread colours by which all neighbours differ, those too that no drawing has seen together.

        Large planes keep the colours that come as their parts are looked at.
        """
        document, colours = self._document, self._colours
        if document is None or document.planes.shape[0] * document.planes.shape[1] > _WHOLE:
            return
        plane, count = document.planes.labels.snapshot(), colours.colours

        def take(numbers: dict[int, int]) -> None:
            if colours is self._colours and colours.learn(numbers):
                self.labels.restyle(self._label_drawing())

        self._session.background.run(lambda: graph_colours(plane, count), take, lane="colours")

    def _new_colours(self) -> ObjectColours:
        return ObjectColours(len(label_colours(self._palette)))

    def _class_ids(self) -> tuple[int, ...]:
        project = self._session.project
        return tuple(item.id for item in project.classes.classes) if project is not None else ()
