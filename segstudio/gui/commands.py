"""Which actions there are, and which verb each one calls."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.labels.edits import Delete, Merge, RegionFill, Relabel

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow

_TOOLS = (
    ("select", "Select", ("V",), "ph.cursor", "Select objects; drag to pan"),
    ("brush", "Brush", ("B", "P"), "ph.paint-brush", "Paint an object"),
    ("erase", "Eraser", ("E",), "ph.eraser", "Erase pixels of objects"),
    ("encircle", "Encircle", ("C",), "encircle", "Circle one cell: one gesture, one object"),
    ("polygon", "Polygon", ("3", "Ctrl+N"), "ph.polygon", "Click around an object"),
    ("fill", "Fill", ("F",), "ph.paint-bucket", "Fill an enclosed area"),
    ("pick", "Pick", ("L",), "ph.eyedropper", "Take an object to go on painting it"),
    ("split", "Split", ("S",), "ph.scissors", "Draw a line through an object to cut it in two"),
    ("merge", "Merge", ("K",), "merge", "Click objects to join them to the selected one"),
    ("delete", "Delete by click", ("Q",), "ph.trash", "Click objects to delete them"),
    ("relabel", "Class by click", ("T",), "ph.tag", "Click objects to give them the chosen class"),
    ("region", "Region brush", ("U",), "ph.selection-all", "Paint what is completely labelled, or to be ignored"),
)


def actions(window: "MainWindow") -> tuple[Action, ...]:
    """Return every action of the window, menu by menu."""
    return (
        *_file(window),
        *_edit(window),
        *_tools(window),
        *_view(window),
        *_image(window),
        *_learn(window),
        *_help(window),
    )


def _file(w: "MainWindow") -> list[Action]:
    has_project = _has_project(w)
    return [
        Action("file.open_folder", "&File", "Open images folder…", w.opening.ask_folder, ("Ctrl+O",), "ph.folder-open"),
        Action(
            "file.open_project", "&File", "Open project…", w.opening.ask_project, ("Ctrl+Shift+O",), "ph.archive-box"
        ),
        Action("file.sample", "&File", "Open the sample project", w.opening.open_sample, (), "ph.flask"),
        Action("file.add", "&File", "Add images…", w.opening.ask_images, (), "ph.plus", enabled=has_project),
        Action(
            "file.save",
            "&File",
            "Save now",
            w.save_now,
            ("Ctrl+S",),
            "ph.floppy-disk",
            "Every stroke is saved as you draw; this also writes the label files now",
            enabled=_has_document(w),
            separator=True,
        ),
        Action("file.export", "&File", "Export…", w.export, ("Ctrl+E",), "ph.export", enabled=has_project),
        Action(
            "file.close",
            "&File",
            "Close project",
            w.session.close_project,
            ("Ctrl+W",),
            enabled=has_project,
            separator=True,
        ),
        Action("file.quit", "&File", "Quit", w.close, ("Ctrl+Q",)),
    ]


def _edit(w: "MainWindow") -> list[Action]:
    session = w.session

    def selected() -> bool:
        return session.document is not None and bool(session.view.selected)

    def several() -> bool:
        return session.document is not None and len(session.view.selected) > 1

    items = [
        Action(
            "edit.undo",
            "&Edit",
            "Undo",
            w.undo,
            ("Ctrl+Z",),
            "ph.arrow-u-up-left",
            enabled=lambda: session.document is not None and session.document.can_undo,
        ),
        Action(
            "edit.redo",
            "&Edit",
            "Redo",
            w.redo,
            ("Ctrl+Y", "Ctrl+Shift+Z"),
            "ph.arrow-u-up-right",
            enabled=lambda: session.document is not None and session.document.can_redo,
        ),
        Action(
            "edit.delete",
            "&Edit",
            "Delete object",
            lambda: w.apply(Delete(tuple(session.view.selected))),
            ("Delete",),
            "ph.trash",
            enabled=selected,
            separator=True,
        ),
        Action(
            "edit.merge",
            "&Edit",
            "Merge selected objects",
            lambda: w.apply(Merge(tuple(sorted(session.view.selected)))),
            ("Ctrl+M",),
            "merge",
            enabled=several,
        ),
        Action("edit.select_all", "&Edit", "Select all objects", w.select_all, ("Ctrl+A",), enabled=_has_document(w)),
        Action(
            "edit.new_object",
            "&Edit",
            "New object",
            session.view.new_object,
            ("M",),
            "ph.plus-circle",
            "The next stroke starts a new object",
            enabled=_has_document(w),
        ),
        Action(
            "edit.bigger", "&Edit", "Larger brush", lambda: session.view.resize_brush(1.15), ("]", "."), separator=True
        ),
        Action("edit.smaller", "&Edit", "Smaller brush", lambda: session.view.resize_brush(1 / 1.15), ("[", ",")),
    ]
    return items + [_class_action(w, number) for number in (1, 2, 4, 5, 6, 7, 8, 9)]


def _class_action(w: "MainWindow", number: int) -> Action:
    session = w.session

    def choose() -> None:
        project = session.project
        if project is None or number > len(project.classes):
            return
        session.view.class_id = project.classes.ids[number - 1]
        if session.view.selected:
            w.apply(Relabel(tuple(session.view.selected), session.view.class_id))

    def exists() -> bool:
        return session.project is not None and number <= len(session.project.classes)

    return Action(
        f"edit.class_{number}",
        "Classes",
        f"Class {number} for new and selected objects",
        choose,
        (str(number),),
        enabled=exists,
    )


def _tools(w: "MainWindow") -> list[Action]:
    view = w.session.view

    def choose(tool: str) -> Callable[[], None]:
        return lambda: setattr(view, "tool", tool)

    def chosen(tool: str) -> Callable[[], bool]:
        return lambda: view.tool == tool

    return [
        Action(
            f"tool.{name}", "&Tools", text, choose(name), keys, picture, tip, chosen(name), "tools", _has_document(w)
        )
        for name, text, keys, picture, tip in _TOOLS
    ]


def _view(w: "MainWindow") -> list[Action]:
    has_document = _has_document(w)

    def toggle(action: str, text: str, field: str, keys: tuple[str, ...], *, separator: bool = False) -> Action:
        view = w.session.view
        return Action(
            f"view.{action}",
            "&View",
            text,
            lambda: setattr(view, field, not getattr(view, field)),
            keys,
            checked=lambda: bool(getattr(view, field)),
            separator=separator,
        )

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
        toggle("fill", "Filled labels", "show_fill", ("X",), separator=True),
        toggle("contours", "Contours", "show_contours", ("Z",)),
        toggle("boxes", "Rotated boxes", "show_boxes", ("G",)),
        toggle("predictions", "Predictions", "show_predictions", ("Y",)),
        toggle("regions", "Labelled and ignored regions", "show_regions", ("W",)),
        Action(
            "view.by_class",
            "&View",
            "Colour by class",
            w.toggle_colours,
            ("J",),
            checked=lambda: w.session.view.colour_by == "class",
        ),
        Action("view.step_1", "&View", "Label", lambda: w.show_step(0), ("Ctrl+1",), separator=True),
        Action("view.step_2", "&View", "Train", lambda: w.show_step(1), ("Ctrl+2",)),
        Action("view.step_3", "&View", "Predict", lambda: w.show_step(2), ("Ctrl+3",)),
        Action("view.step_4", "&View", "Measure", lambda: w.show_step(3), ("Ctrl+4",)),
        Action(
            "view.theme",
            "&View",
            "Light theme",
            w.toggle_theme,
            (),
            separator=True,
            checked=lambda: w.session.preferences.theme == "light",
        ),
        Action("view.reset", "&View", "Reset the layout", w.reset_layout),
    ]


def _image(w: "MainWindow") -> list[Action]:
    session, has_document = w.session, _has_document(w)

    def reviewed() -> bool:
        document = session.document
        return document is not None and session.image_state(document.entry.id) == "reviewed"

    return [
        Action(
            "image.previous",
            "&Image",
            "Previous image",
            lambda: session.step(-1),
            ("A", "Left"),
            "ph.caret-left",
            enabled=has_document,
        ),
        Action(
            "image.next",
            "&Image",
            "Next image",
            lambda: session.step(1),
            ("D", "Right"),
            "ph.caret-right",
            enabled=has_document,
        ),
        Action(
            "image.unreviewed",
            "&Image",
            "Next image to review",
            session.next_unreviewed,
            ("Shift+D",),
            enabled=has_document,
        ),
        Action(
            "image.reviewed",
            "&Image",
            "Reviewed",
            w.toggle_reviewed,
            ("Ctrl+Return",),
            checked=reviewed,
            enabled=has_document,
            separator=True,
        ),
        Action(
            "image.complete",
            "&Image",
            "This image is completely labelled",
            lambda: w.apply(RegionFill(None, 1)),
            ("Ctrl+L",),
            enabled=has_document,
            tip="Everything that is not an object is background: training may learn from it",
        ),
    ]


def _learn(w: "MainWindow") -> list[Action]:
    session = w.session

    def reviewing() -> bool:
        return session.document is not None and session.review.pending_count > 0

    return [
        Action("train.start", "T&rain", "Train", w.train, ("Ctrl+T",), "ph.graduation-cap", enabled=_has_project(w)),
        Action(
            "predict.current",
            "T&rain",
            "Predict this image",
            w.predict_current,
            ("Ctrl+P",),
            "ph.magic-wand",
            enabled=_has_document(w),
        ),
        Action(
            "review.accept",
            "T&rain",
            "Accept the proposal",
            session.review.accept_current,
            ("Return", "Enter"),
            "ph.check",
            enabled=reviewing,
            separator=True,
        ),
        Action(
            "review.reject",
            "T&rain",
            "Reject the proposal",
            session.review.reject_current,
            ("Backspace",),
            "ph.x",
            enabled=reviewing,
        ),
        Action("review.next", "T&rain", "Next proposal", session.review.next_pending, ("Down",), enabled=reviewing),
        Action(
            "review.previous",
            "T&rain",
            "Previous proposal",
            session.review.previous_pending,
            ("Up",),
            enabled=reviewing,
        ),
        Action(
            "review.accept_all",
            "T&rain",
            "Accept all proposals",
            session.review.accept_all,
            ("Ctrl+Shift+Return",),
            "ph.checks",
            enabled=reviewing,
        ),
    ]


def _help(w: "MainWindow") -> list[Action]:
    return [
        Action("help.keys", "&Help", "Keys and mouse", w.show_keys, ("?", "Ctrl+H"), "ph.keyboard"),
        Action("help.pages", "&Help", "Help", w.show_help, ("F1",), "ph.question"),
        Action("help.log", "&Help", "Show log", w.show_log, separator=True),
        Action("help.about", "&Help", "About SegStudio", w.show_about),
    ]


def _has_project(w: "MainWindow") -> Callable[[], bool]:
    return lambda: w.session.project is not None


def _has_document(w: "MainWindow") -> Callable[[], bool]:
    return lambda: w.session.document is not None
