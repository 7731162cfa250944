"""The timer with which a window that only looks notices what the writer does, and the buttons that answer it."""

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QPushButton, QWidget

from segstudio.gui.banner import BannerArea
from segstudio.project.project import Project
from segstudio.session.notice import Notice
from segstudio.session.reading import Reading
from segstudio.session.session import Session
from segstudio.session.writer_watch import READING_ONLY, WriterWatch

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
        self.writer = WriterWatch(lambda: session.project, session.background)
        self._timer.timeout.connect(self.writer.look)
        session.project_changed.connect(self._on_project)
        self.reading.newer.connect(self._offer)
        self.writer.noticed.connect(self._banners.show_notice)
        self.writer.gone.connect(self._offer_writing)
        self.writer.back.connect(lambda: self._banners.withdraw(READING_ONLY))

    def _on_project(self, project: Project | None) -> None:
        self._banners.withdraw(READING_ONLY)
        self.writer.project_opened()
        if project is not None and project.read_only:
            self._timer.start()
        else:
            self._timer.stop()

    def _offer(self, notice: Notice) -> None:
        button = QPushButton(self.tr("Show what is new"))
        button.clicked.connect(self.reading.show)
        self._banners.show_notice(notice, button)

    def _offer_writing(self, notice: Notice) -> None:
        project = self._session.project
        if project is not None:
            button = QPushButton(self.tr("Open for writing"))
            button.clicked.connect(lambda: self._session.open_project(project.folder))
            self._banners.show_notice(notice, button)
