"""What is said when an image is stated to be completely labelled, or is no longer."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QPushButton

from segstudio.gui.banner import BannerArea
from segstudio.gui.keys_in_use import in_brackets, key_of
from segstudio.session.notice import Notice
from segstudio.session.session import Session

_GROUP = "complete"


class CompletenessNotices(QObject):
    """Says what the statement teaches the training; what was said goes when the statement does.

    Parameters
    ----------
    session
        Whose image in front is spoken of.
    banners
        Where it is said.
    """

    def __init__(self, session: Session, banners: BannerArea) -> None:
        super().__init__(banners)
        self._session = session
        self._banners = banners
        session.completeness.changed.connect(self.withdraw)

    def withdraw(self, _anything: object = None) -> None:
        """Take away what was said."""
        self._banners.withdraw(_GROUP)

    def say(self) -> None:
        """Say what holds now for the image in front."""
        document = self._session.document
        if document is None:
            return
        if not self._session.completeness.complete:
            says = self.tr("This image is not stated to be completely labelled any more.")
            self._banners.show_notice(Notice(says, "", "info", _GROUP))
        elif document.planes.objects:
            says = self.tr("This image is completely labelled now: everything that is no object is background.")
            self._banners.show_notice(Notice(says, self._hint(), "good", _GROUP))
        else:
            back = QPushButton(self.tr("Take it back"))
            back.clicked.connect(lambda: self._session.completeness.toggle())
            says = self.tr("This image has no object: stated to be complete, it teaches that there are no cells in it.")
            hint = self.tr("Take it back with Undo{0} when there are some.").format(in_brackets("edit.undo"))
            self._banners.show_notice(Notice(says, hint, "warning", _GROUP), back)

    def _hint(self) -> str:
        key = key_of("image.complete")
        return self.tr("{0} takes it back.").format(key) if key else ""
