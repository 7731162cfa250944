"""Actions of the menu Edit, and the class keys."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now, has_document_now
from segstudio.gui.dialogs.clean_up import CleanUpDialog
from segstudio.gui.history_window import show_history
from segstudio.labels.edits import Delete, Merge, Relabel
from segstudio.labels.stack_edits import CopyFromPlane
from segstudio.session.object_clipboard import ObjectClipboard
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    session, can_edit = w.session, can_edit_now(w)
    clipboard = ObjectClipboard(session)

    def selected() -> bool:
        return can_edit() and bool(session.view.selected)

    def stacked() -> bool:
        return can_edit() and bool(session.planes.axes)

    def several() -> bool:
        return can_edit() and len(session.view.selected) > 1

    def merge() -> None:
        if several():
            w.apply(Merge(tuple(sorted(session.view.selected))))

    def undo_words() -> str:
        document = session.document
        return f"Undo: {document.history.undo_name}" if document is not None and document.can_undo else "Undo"

    def redo_words() -> str:
        document = session.document
        return f"Redo: {document.history.redo_name}" if document is not None and document.can_redo else "Redo"

    items = [
        Action(
            "edit.undo",
            "&Edit",
            "Undo",
            lambda: _undo(session),
            ("Ctrl+Z",),
            "ph.arrow-u-up-left",
            enabled=lambda: session.document is not None and (session.document.can_undo or session.ahead.busy),
            now=undo_words,
        ),
        Action(
            "edit.redo",
            "&Edit",
            "Redo",
            lambda: _redo(session),
            ("Ctrl+Y", "Ctrl+Shift+Z"),
            "ph.arrow-u-up-right",
            enabled=lambda: session.document is not None and session.document.can_redo,
            now=redo_words,
        ),
        Action(
            "edit.history",
            "&Edit",
            "History…",
            lambda: show_history(w),
            ("Ctrl+Alt+Z",),
            "ph.clock-counter-clockwise",
            "Earlier states of this image, to look at and to go back to",
            enabled=lambda: session.document is not None or bool(session.front.damaged),
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
            "edit.copy",
            "&Edit",
            "Copy",
            lambda: _copy(w, clipboard),
            ("Ctrl+C",),
            "ph.copy",
            "Copy the selected objects, to paste them on another plane, into another image, or here",
            enabled=lambda: session.document is not None and bool(session.view.selected),
        ),
        Action(
            "edit.paste",
            "&Edit",
            "Paste",
            lambda: _paste(w, clipboard),
            ("Ctrl+V",),
            "ph.clipboard",
            "Put copies at the same place, or beside it when that is taken; Move takes them elsewhere",
            enabled=lambda: can_edit() and clipboard.filled,
        ),
        Action(
            "edit.merge",
            "&Edit",
            "Merge selected objects",
            merge,
            ("Ctrl+M",),
            "merge",
            enabled=several,
        ),
        Action(
            "edit.select_all",
            "&Edit",
            "Select all objects",
            lambda: _select_all(session),
            ("Ctrl+A",),
            enabled=has_document_now(w),
        ),
        Action(
            "edit.new_object",
            "&Edit",
            "New object",
            session.view.new_object,
            ("M",),
            "ph.plus-circle",
            "The next stroke starts a new object",
            enabled=can_edit,
        ),
        Action(
            "edit.copy_back",
            "&Edit",
            "Copy to the previous plane",
            lambda: _copy_on(w, -1),
            ("Ctrl+PgUp",),
            enabled=stacked,
            separator=True,
            tip="The selected objects, or all of this plane, at the same place on the plane before, shown then",
        ),
        Action(
            "edit.copy_on",
            "&Edit",
            "Copy to the next plane",
            lambda: _copy_on(w, 1),
            ("Ctrl+PgDown",),
            enabled=stacked,
            tip="The selected objects, or all of this plane, at the same place on the next plane, which is shown then",
        ),
        Action(
            "edit.interpolate",
            "&Edit",
            "Draw between planes",
            lambda: _interpolate(w),
            ("Ctrl+Shift+I",),
            enabled=lambda: stacked() and bool(session.view.selected),
            tip="The selected objects, on the planes between those on which they are drawn",
        ),
        Action(
            "edit.clean_up",
            "&Edit",
            "Clean up…",
            lambda: _clean_up(w),
            ("Ctrl+Shift+C",),
            "ph.sparkle",
            "Remove small objects and those at the edge, and fill holes, in the image or, of a stack, on the plane in "
            "front; shown before it is done",
            enabled=can_edit,
            separator=True,
        ),
        Action(
            "edit.bigger", "&Edit", "Larger brush", lambda: session.view.resize_brush(1.15), ("]", "."), separator=True
        ),
        Action("edit.smaller", "&Edit", "Smaller brush", lambda: session.view.resize_brush(1 / 1.15), ("[", ",")),
        Action(
            "edit.protect",
            "&Edit",
            "Protect neighbours",
            lambda: setattr(session.view, "protect", not session.view.protect),
            tip="Strokes leave the pixels of other objects alone",
            checked=lambda: session.view.protect,
        ),
    ]
    return items + [_class_action(w, number) for number in (1, 2, 4, 5, 6, 7, 8, 9)]


def _undo(session: Session) -> None:
    """Take back the last action on this image; one that is still being worked out is not done at all."""
    if not session.ahead.cancel() and session.document is not None:
        session.steps.undo(session.document)


def _redo(session: Session) -> None:
    """Do again what was taken back."""
    if session.document is not None:
        session.steps.redo(session.document)


def _select_all(session: Session) -> None:
    """Select all objects of the image."""
    if session.document is not None:
        session.view.selected = frozenset(session.document.objects_in_front())


def _copy_on(w: "MainWindow", by: int) -> None:
    """Go to a neighbouring plane of the stack and have the selected objects there as well; all when none is."""
    w.canvas.finish_stroke()
    planes, chosen = w.session.planes, w.session.view.selected
    before = planes.go_on(by)
    if before is None:
        w.status.showMessage("There is no further plane.", 4000)
    else:
        w.apply(CopyFromPlane(before, chosen or None))


def _copy(w: "MainWindow", clipboard: ObjectClipboard) -> None:
    """Copy the selected objects, and say how many."""
    w.canvas.finish_stroke()
    count = clipboard.copy()
    w.status.showMessage(w.tr("1 object copied.") if count == 1 else w.tr("{0:,} objects copied.").format(count), 4000)
    w.actions_table.refresh()


def _paste(w: "MainWindow", clipboard: ObjectClipboard) -> None:
    """Paste what was copied."""
    w.canvas.finish_stroke()
    if clipboard.paste():
        w.status.clearMessage()  # that it was copied
    else:
        w.status.showMessage("Another change is still being worked out: press again when it is done.", 4000)


def _clean_up(w: "MainWindow") -> None:
    """Open the window that cleans up, or bring it to the front."""
    dialog = w.findChild(CleanUpDialog) or CleanUpDialog(w.session, w.apply, w)
    if dialog.isVisible():
        dialog.raise_()
    dialog.show()
    dialog.activateWindow()


def _interpolate(w: "MainWindow") -> None:
    """Draw the selected objects between the planes on which they are."""
    w.canvas.finish_stroke()
    edit = w.session.planes.interpolating(w.session.view.selected)
    if edit is None:
        w.status.showMessage("Draw the object on two planes with others between them first.", 6000)
    else:
        w.apply(edit)


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
