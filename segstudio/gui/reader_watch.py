"""The timer with which a window that only looks notices what the writer has done, and the button that shows it."""

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QPushButton, QWidget

from segstudio.gui.banner import BannerArea
from segstudio.session.notice import Notice
from segstudio.session.reading import Reading
from segstudio.session.session import Session

_EVERY_MS = 2_000


class ReaderWatch(QObject):
    """Looks every two seconds while a project is open for reading only."""

    def __init__(self, session: Session, banners: BannerArea, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self.reading = Reading(session.front, session.background)
        self._banners = banners
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.reading.look)
        session.document_changed.connect(self._on_document)
        self.reading.newer.connect(self._offer)

    def _on_document(self, document: object) -> None:
        project = self._session.project
        if document is not None and project is not None and project.read_only:
            self._timer.start()
        else:
            self._timer.stop()

    def _offer(self, notice: Notice) -> None:
        button = QPushButton(self.tr("Show what is new"))
        button.clicked.connect(self.reading.show)
        self._banners.show_notice(notice, button)
