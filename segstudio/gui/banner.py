"""Messages over the top of the canvas: they say what happened and what to do, and stop nobody."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.theme import icon
from segstudio.session.notice import Notice

_ICONS = {"info": "ph.info", "good": "ph.check-circle", "warning": "ph.warning", "error": "ph.warning-octagon"}
_SHOWN_AT_ONCE = 3
#: How long a message that asks for nothing stays, milliseconds.
_GOOD_NEWS_STAYS = 6_000
#: Room for the list of joined messages, pixels.
_LIST_HEIGHT = 140


class Banner(QFrame):
    """One message with an optional button; several messages about the same thing are joined in it."""

    def __init__(self, notice: Notice, button: QPushButton | None = None) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("level", notice.level)
        self.notice = notice
        self.notices = [notice]
        picture = QLabel()
        picture.setPixmap(icon(_ICONS[notice.level], notice.level).pixmap(20, 20))
        text = self._text = QLabel(notice.text)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        close = QToolButton()
        close.setIcon(icon("ph.x"))
        close.setAutoRaise(True)
        close.setToolTip(self.tr("Dismiss"))
        close.clicked.connect(self.deleteLater)
        self._all = QPushButton()
        self._all.setCheckable(True)
        self._all.hide()
        self._list = QPlainTextEdit()
        self._list.setReadOnly(True)
        self._list.setMaximumHeight(_LIST_HEIGHT)
        self._list.hide()
        self._all.toggled.connect(self._list.setVisible)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 6, 6)
        row = QHBoxLayout()
        column.addLayout(row)
        column.addWidget(self._list)
        row.setSpacing(8)
        row.addWidget(picture)
        row.addWidget(text, 1)
        if button is not None:
            button.clicked.connect(self.deleteLater)
            row.addWidget(button)
        row.addWidget(self._all)
        row.addWidget(close)
        if notice.level in ("info", "good"):
            self._stay()

    def _stay(self) -> None:
        QTimer.singleShot(_GOOD_NEWS_STAYS, self, self._leave)

    def _leave(self) -> None:
        """Go, unless a dialog lies in front: then nobody has read it yet."""
        if QApplication.activeModalWidget() is not None:
            self._stay()
        else:
            self.deleteLater()

    def join(self, notice: Notice) -> None:
        """Take in another message about the same thing."""
        if notice in self.notices:
            return
        self.notices.append(notice)
        count = len(self.notices)
        self._text.setText(self.tr("{0} And {1} more.").format(self.notice.text, count - 1))
        self._all.setText(self.tr("Show all {0}").format(count))
        self._all.show()
        for item in self.notices[-2:] if count == 2 else [notice]:  # one after the other: there may be thousands
            self._list.appendPlainText(item.text)


class BannerArea(QWidget):
    """The newest messages, at most three; the same one is never shown twice."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_notice(self, notice: Notice, button: QPushButton | None = None) -> None:
        """Add a message on top; it takes the place of older ones about the same thing."""
        if notice.about:
            self.withdraw(notice.about)
        for old in self._banners():
            if notice.group and old.notice.group == notice.group and old.notice.level == notice.level:
                old.join(notice)
                return
            if old.notice == notice:
                self._drop(old)
        self._column.insertWidget(0, Banner(notice, button))
        for old in self._banners()[_SHOWN_AT_ONCE:]:
            self._drop(old)

    def withdraw(self, thing: str) -> None:
        """Take away what is said about something that has changed since: a `Notice.group` or `Notice.about`."""
        for banner in self._banners():
            if thing in (banner.notice.group, banner.notice.about):
                self._drop(banner)

    def messages(self) -> list[Notice]:
        """Return what is shown, newest first."""
        return [banner.notice for banner in self._banners()]

    def _banners(self) -> list[Banner]:
        items = (self._column.itemAt(index) for index in range(self._column.count()))
        widgets = [item.widget() for item in items if item is not None]
        return [widget for widget in widgets if isinstance(widget, Banner)]

    def _drop(self, banner: Banner) -> None:
        self._column.removeWidget(banner)
        banner.hide()
        banner.deleteLater()
