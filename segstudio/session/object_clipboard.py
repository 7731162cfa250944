"""Objects copied to be put down again, also on another plane or in another image."""

from typing import TYPE_CHECKING

from segstudio.labels.history import EditRecord
from segstudio.labels.moving import PutDown
from segstudio.session.edits_ahead import Wish

if TYPE_CHECKING:
    from segstudio.session.session import Session


class ObjectClipboard:
    """Holds what was copied last; it costs only the tiles that are painted over later.

    Parameters
    ----------
    session
        Its selected objects are copied, and pasted into its image in front.
    """

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._copied: PutDown | None = None

    @property
    def filled(self) -> bool:
        """Whether there is something to paste."""
        return self._copied is not None

    def copy(self) -> int:
        """Keep the selected objects of the plane in front; return how many they are."""
        document, selected = self._session.document, self._session.view.selected
        if document is None:
            return 0
        infos = {
            number: info for number in sorted(selected) if (info := document.planes.objects.get(number)) is not None
        }
        if infos:
            self._copied = PutDown(document.planes.labels.snapshot(), infos)
        return len(infos)

    def paste(self) -> bool:
        """Put copies into the plane in front soon, and select them; return whether that was taken on."""
        session, document, copied = self._session, self._session.document, self._copied
        if document is None or copied is None:
            return False
        known = set(session.project.classes.ids) if session.project is not None else set()
        edit = copied.with_classes(known, session.view.class_id)

        def done(_edit: PutDown, record: EditRecord | None) -> None:
            if record is not None and document is session.document:
                session.view.selected = frozenset(change.id for change in record.objects if change.before is None)

        return session.ahead.apply(document, Wish(lambda: edit, done))
