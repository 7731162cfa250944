"""Actions of the menu View: zoom, overlays, steps, theme."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QColorDialog

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import has_document_now
from segstudio.gui.theme import apply_theme
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


#: Axis, action, words and key.
_PROJECTIONS = (
    ("Z", "projection", "Maximum over depth", "Alt+M"),
    ("T", "projection_time", "Maximum over time", "Alt+Shift+M"),
)


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    has_document, made = has_document_now(w), w.session.made

    def toggle(
        action: str, text: str, field: str, keys: tuple[str, ...], *, separator: bool = False, tip: str = ""
    ) -> Action:
        view = w.session.view
        return Action(
            f"view.{action}",
            "&View",
            text,
            lambda: setattr(view, field, not getattr(view, field)),
            keys,
            checked=lambda: bool(getattr(view, field)),
            separator=separator,
            tip=tip,
        )

    def projection(letter: str, action: str, text: str, keys: str) -> Action:
        view, planes = w.session.view, w.session.planes
        return Action(
            f"view.{action}",
            "&View",
            text,
            lambda: setattr(view, "projection", "" if view.projection == letter else letter),
            (keys,),
            tip="The brightest pixels of all planes; labels stay on the plane in front",
            checked=lambda: bool(planes.projected(view.projection)) and view.projection == letter,
            enabled=lambda: has_document() and bool(planes.projected(letter)),
        )

    def toggle_minimap() -> None:
        preferences = w.session.preferences
        w.session.set_preferences(preferences.model_copy(update={"minimap": not preferences.minimap}))

    return [
        Action(
            "view.fit",
            "&View",
            "Fit the image",
            lambda: w.canvas.fit(),
            ("Ctrl+R", "0"),
            "ph.frame-corners",
            enabled=has_document,
        ),
        Action(
            "view.actual", "&View", "Actual size", lambda: w.canvas.actual_size(), ("Ctrl+0",), enabled=has_document
        ),
        Action("view.in", "&View", "Zoom in", lambda: w.canvas.zoom_in(), ("+", "="), enabled=has_document),
        Action("view.out", "&View", "Zoom out", lambda: w.canvas.zoom_out(), ("-",), enabled=has_document),
        Action(
            "view.made",
            "&View",
            "Image made by the model",
            made.toggle,
            ("I",),
            checked=lambda: made.shown,
            enabled=lambda: made.source is not None,
            separator=True,
            tip="What the model chosen in Predict made of this image, in place of it",
        ),
        toggle("fill", "Filled labels", "show_fill", ("X",), separator=True),
        toggle("contours", "Contours", "show_contours", ("Z",)),
        toggle(
            "boxes",
            "Rotated boxes",
            "show_boxes",
            ("G",),
            tip="Rotated boxes; those so small or close that their sizes would overlap show none: zoom in",
        ),
        toggle("predictions", "Predictions", "show_predictions", ("Y",)),
        toggle("regions", "Finished and ignored regions", "show_regions", ("W",)),
        toggle("crosshair", "Crosshair", "crosshair", ("Alt+X",), tip="Lines through the pointer"),
        toggle("grid", "Grid", "grid", ("Alt+G",), tip="Lines at round distances; the corner says how far apart"),
        *(projection(*one) for one in _PROJECTIONS),
        Action(
            "view.minimap",
            "&View",
            "Minimap",
            toggle_minimap,
            checked=lambda: w.session.preferences.minimap,
            tip="The whole image in a corner, while a part of it is out of sight",
        ),
        Action(
            "view.by_class",
            "&View",
            "Colour by class",
            lambda: _toggle_colours(w.session),
            ("J",),
            checked=lambda: w.session.view.colour_by == "class",
        ),
        Action(
            "view.missing_colour",
            "&View",
            "Colour of missing values…",
            lambda: _ask_missing_colour(w),
            tip="Pixels of floating point images that hold no number (NaN) have this colour",
        ),
        Action(
            "view.contrast",
            "&View",
            "Automatic contrast",
            w.session.view.reset_contrast,
            enabled=lambda: has_document() and not w.session.view.display.automatic,
        ),
        Action("view.step_1", "&View", "Label", lambda: w.show_step(0), ("Ctrl+1",), separator=True),
        Action("view.step_2", "&View", "Train", lambda: w.show_step(1), ("Ctrl+2",)),
        Action("view.step_3", "&View", "Predict", lambda: w.show_step(2), ("Ctrl+3",)),
        Action("view.step_4", "&View", "Measure", lambda: w.show_step(3), ("Ctrl+4",)),
        Action(
            "view.next_area",
            "&View",
            "Keys to the next panel",
            w.next_area,
            ("F6",),
            tip="Images, image, steps, drawer; from there Tab goes on",
            enabled=lambda: w.session.project is not None,
        ),
        Action(
            "view.theme",
            "&View",
            "Light theme",
            lambda: _toggle_theme(w),
            (),
            separator=True,
            checked=lambda: w.session.preferences.theme == "light",
        ),
        Action("view.reset", "&View", "Reset the layout", lambda: w.layout_of_panels.reset()),
    ]


def _toggle_colours(session: Session) -> None:
    """Colour objects one by one, or by their class."""
    session.view.colour_by = "object" if session.view.colour_by == "class" else "class"


def _ask_missing_colour(w: "MainWindow") -> None:
    """Ask for the colour of pixels without a value, and keep it."""

    def take(colour: QColor) -> None:
        w.session.set_preferences(w.session.preferences.model_copy(update={"missing_colour": colour.name()}))

    dialog = QColorDialog(QColor(w.session.preferences.missing_colour), w)
    dialog.setObjectName("missing-colour")
    dialog.setWindowTitle(w.tr("Colour of missing values"))
    dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.colorSelected.connect(take)
    dialog.open()


def _toggle_theme(w: "MainWindow") -> None:
    """Change between dark and light."""
    theme = "dark" if w.session.preferences.theme == "light" else "light"
    w.session.set_preferences(w.session.preferences.model_copy(update={"theme": theme}))
    app = QApplication.instance()
    if isinstance(app, QApplication):
        apply_theme(app, theme)
    w.welcome.retint()
