"""The red banner that stays as long as what was drawn is not on the project's own disk."""

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from segstudio.gui.banner import BannerArea
from segstudio.session.notice import Notice
from segstudio.session.safe_keeping import SAFETY
from segstudio.session.session import Session

#: What a folder for the rescue store is called in a place that the user chooses.
_FOLDER = "SegStudio rescue"


class SafetyBanner(QObject):
    """Gives the notice about safety the button that helps; all others are shown as they are."""

    def __init__(self, session: Session, banners: BannerArea, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._banners = banners
        self._window = window
        session.safe_keeping.over.connect(self._on_over)

    def show_notice(self, notice: Notice) -> None:
        """Show any notice of the session."""
        buttons = [self._button()] if notice.about == SAFETY and notice.lasting else []
        self._banners.show_notice(notice, *buttons)

    def _button(self) -> QPushButton:
        session = self._session
        if session.rescued():
            button = QPushButton(self.tr("Try again now"))
            button.clicked.connect(session.safe_keeping.retry)
        else:
            button = QPushButton(self.tr("Keep it in another place…"))
            button.clicked.connect(self._ask_place)
        return button

    def _ask_place(self) -> None:
        place = QFileDialog.getExistingDirectory(self._window, self.tr("A folder on a disk that has room"))
        if place:
            self._session.keep_in(Path(place) / _FOLDER)

    def _on_over(self) -> None:
        self._banners.withdraw(SAFETY)
        if self._session.project is not None:
            self._session.front.forgive_gone()
            self._session.files.look()  # when the drive of the project is back, so are the images on it
