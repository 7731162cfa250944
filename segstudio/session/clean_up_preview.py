"""What a clean-up of the image in front would do, found on a thread before it is done."""

from typing import TYPE_CHECKING, Final

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.labels.clean_up import CleanUp, Found
from segstudio.labels.transaction import Transaction

if TYPE_CHECKING:
    from segstudio.session.session import Session

_LANE: Final = "clean-up"


class CleanUpPreview:
    """Selects the objects that a clean-up would remove or change.

    Parameters
    ----------
    session
        Its image in front is looked at; its selection shows what was found.
    """

    changed = Signal(object)
    """The `Found` of the newest wish; ``None`` while it is looked for, and without an image."""
    failed = Signal(str)
    """Why it cannot be done."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._newest: CleanUp | None = None
        self._shown: frozenset[int] = frozenset()

    def ask(self, edit: CleanUp) -> None:
        """Look for what `edit` would do; the edit itself is not done."""
        document, self._newest = self._session.document, edit
        self.changed.emit(None)
        if document is None:
            return
        stack, plane = document.stack.snapshot(), document.plane

        def work() -> Found:
            if edit is not self._newest:  # a newer one waits behind it
                return Found()
            edit.apply(Transaction(stack, edit.name, plane=plane))
            return edit.found

        def then(found: Found) -> None:
            if edit is self._newest and document is self._session.document:
                self._show(frozenset(found.changed))
                self.changed.emit(found)

        def fail(error: UserError) -> None:
            if edit is self._newest:
                self.failed.emit(str(error))

        self._session.background.run(work, then, fail, lane=_LANE)

    def end(self) -> None:
        """Show nothing more."""
        self._newest = None
        self._show(frozenset())

    def _show(self, ids: frozenset[int]) -> None:
        """Select the objects, unless the user has selected others meanwhile and there is nothing to show."""
        if ids or self._session.view.selected == self._shown:
            self._session.view.selected = ids
        self._shown = ids
