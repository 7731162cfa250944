"""Messages over the top of the canvas: they say what happened and what to do, and stop nobody."""

import logging
from math import inf

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.headline import MOST_LINES, Headline
from segstudio.gui.joined_list import LEAST, JoinedList
from segstudio.gui.later import later
from segstudio.gui.theme import icon
from segstudio.session.notice import Notice

log = logging.getLogger("segstudio")

_ICONS = {"info": "ph.info", "good": "ph.check-circle", "warning": "ph.warning", "error": "ph.warning-octagon"}
_LEVELS = {"info": logging.INFO, "good": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_SHOWN_AT_ONCE = 3
#: How long a message that asks for nothing stays, milliseconds.
_GOOD_NEWS_STAYS = 6_000
#: Messages together take this part of the height over which they lie, unless the user opens one.
_SHARE = 1 / 3
#: Room for the list of joined messages where nothing limits it.
_LIST_HEIGHT = 140


class Banner(QFrame):
    """One message on few lines, with buttons or none; several messages about the same thing are joined in it."""

    left = Signal()
    """It was read, or answered."""
    room_wanted = Signal()
    """It shows more or less than before."""

    def __init__(self, notice: Notice, *buttons: QPushButton) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("level", notice.level)
        self.notice = notice
        self.notices = [notice]
        self._known = {notice}
        self._listed, self._is_behind, self._stands_for_others = 0, False, False
        picture = QLabel()
        picture.setPixmap(icon(_ICONS[notice.level], notice.level).pixmap(20, 20))
        self._text = Headline(notice.text)
        self._open = _small_button("ph.caret-down", self.tr("Show all of the message"))
        room = self._open.sizePolicy()
        room.setRetainSizeWhenHidden(True)  # it comes while the line is being laid out, and would lie on its neighbour
        self._open.setSizePolicy(room)
        self._open.hide()
        self._open.clicked.connect(self._open_or_close)
        self._text.cut_changed.connect(lambda cut: self._open.setVisible(cut or self._text.is_open))
        self._text.opened.connect(self._open.click)
        self.more = _small_button("", self.tr("Show the messages before"))
        self.more.hide()
        close = _small_button("ph.x", self.tr("Dismiss"))
        close.clicked.connect(self.left)
        self._all = QPushButton()
        self._all.setCheckable(True)
        self._all.hide()
        self._list = JoinedList()
        self._all.toggled.connect(self._show_list)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 6, 4)
        row = QHBoxLayout()
        column.addLayout(row)
        column.addWidget(self._list)
        row.setSpacing(8)
        row.addWidget(picture)
        row.addWidget(self._text, 1)
        row.addWidget(self._open)
        self.asks = bool(buttons)
        self.passes = notice.level in ("info", "good") and not buttons  # a question waits for its answer
        for button in buttons:
            if not notice.lasting:
                button.clicked.connect(self.left)
            row.addWidget(button)
        row.addWidget(self._all)
        row.addWidget(self.more)
        row.addWidget(close)
        close.setHidden(notice.lasting)
        if self.passes:
            self._stay()

    def _stay(self) -> None:
        later(self, self._leave, _GOOD_NEWS_STAYS)

    def _leave(self) -> None:
        """Go, unless a dialog or a newer message hides it: then nobody has read it yet."""
        if QApplication.activeModalWidget() is not None or self.isHidden():
            self._stay()
        else:
            self.left.emit()

    def stands_for(self, folded: int, *, unfolded: bool) -> None:
        """Say how many messages before this one are out of sight, or can be put out of sight again."""
        self.more.setText(self.tr("Fewer") if unfolded else self.tr("{0} more").format(folded))
        self.more.setToolTip(self.tr("Hide the messages before") if unfolded else self.tr("Show the messages before"))
        self.more.setVisible(folded > 0)
        self._stands_for_others = folded > 0 and not unfolded

    def _open_or_close(self) -> None:
        opened = not self._text.is_open
        self._open.setToolTip(self.tr("The first lines only") if opened else self.tr("Show all of the message"))
        self._open.setIcon(icon("ph.caret-up" if opened else "ph.caret-down"))
        self._text.open(opened=opened)
        self.room_wanted.emit()

    def keep_to(self, lines: int) -> None:
        """Show no more than so many lines of the message; one where others stand behind it, or below in a list."""
        self._text.keep_to(1 if self._stands_for_others or self.lists else lines)

    def give_list(self, height: int) -> None:
        """Give the list of joined messages so much room, or what it needs when that is less."""
        self._list.give(height)

    @property
    def lists(self) -> bool:
        """Whether the list of joined messages is open."""
        return not self._list.isHidden()

    def height_without_list(self, width: int) -> int:
        """Return how high it is at a width."""
        return self.heightForWidth(width) - (self._list.height() if self.lists else 0)

    def _show_list(self, shown: bool) -> None:
        self._list.unfold(shown)
        self._word_button()
        self.room_wanted.emit()

    def _word_button(self) -> None:
        count = len(self.notices)
        self._all.setText(self.tr("Hide") if self._all.isChecked() else self.tr("Show all {0}").format(count))

    def join(self, notice: Notice) -> None:
        """Take in another message about the same thing."""
        if notice in self._known:
            return
        self._known.add(notice)
        self.notices.append(notice)
        if notice.weight > self.notice.weight:
            self.notice = notice
        self._all.show()
        if not self._is_behind:  # thousands may come at once
            self._is_behind = True
            later(self, self._say_all)

    def _say_all(self) -> None:
        """Say how many there are, and list those that came since."""
        count, new = len(self.notices), self.notices[self._listed :]
        self._listed, self._is_behind = count, False
        more = self.tr("And {0} more.").format(count - 1)
        if any(self.notice.others):
            more = self.tr("{0} more {1}.").format(count - 1, self.notice.others[count > 2])
        self._text.say(f"{self.notice.text} {more}")
        self._word_button()
        self._list.appendPlainText("\n".join(item.text for item in new))
        self.room_wanted.emit()


def _small_button(picture: str, tip: str) -> QToolButton:
    made = QToolButton()
    if picture:
        made.setIcon(icon(picture))
        made.setAccessibleName(tip)
    made.setAutoRaise(True)
    made.setToolTip(tip)
    return made


class BannerArea(QWidget):
    """The newest messages, at most three, and those that last; the same one is never shown twice.

    Errors and questions are in sight; of the others the newest, which says how many came before it, and the newest
    warning, be it about one image or about more: good news hides none, nor takes its place.
    """

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._unfolded = self._fits_soon = False
        self._noted: Notice | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_notice(self, notice: Notice, *offers: QPushButton | None) -> None:
        """Add a message on top; it takes the place of older ones about the same thing.

        Parameters
        ----------
        offers
            Buttons with which the user answers; who has none to offer may say so with ``None``.
        """
        buttons = [button for button in offers if button is not None]
        if notice != self._noted:  # one that is told again and again would fill the log
            self._noted = notice
            log.log(_LEVELS[notice.level], "Said: %s", " ".join(notice.text.split()))
        if notice.about:
            self.withdraw(notice.about)
        for old in self._banners():
            if notice.group and old.notice.group == notice.group and old.notice.level == notice.level:
                old.join(notice)
                return
            if old.notice == notice:
                self._drop(old)
        made = Banner(notice, *buttons)
        made.left.connect(lambda: self._drop(made))
        made.more.clicked.connect(self._unfold)
        made.room_wanted.connect(self._fit_soon)
        self._column.insertWidget(0, made)
        newest, *others = [banner for banner in self._banners() if not banner.notice.lasting] or [made]
        for old in [newest, *sorted(others, key=lambda banner: banner.passes)][_SHOWN_AT_ONCE:]:
            self._drop(old)
        self._fold()

    def withdraw(self, thing: str) -> None:
        """Take away what is said about something that has changed since: a `Notice.group` or `Notice.about`."""
        for banner in self._banners():
            if thing in (banner.notice.group, banner.notice.about):
                self._drop(banner)

    def leave_images(self, image_id: str) -> None:
        """Take away what is said about any other image than this one."""
        for banner in self._banners():
            if banner.notice.image not in ("", image_id):
                self._drop(banner)

    def leave_project(self) -> None:
        """Take away what is said about the project that was closed, and about nothing beyond it."""
        for banner in self._banners():
            if not any(notice.outlives for notice in banner.notices):
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
        self._fold()

    def _unfold(self) -> None:
        self._unfolded = not self._unfolded
        self._fold()

    def _fold(self) -> None:
        """Put all messages out of sight but the newest, the newest warnings, errors and questions.

        A warning about the image in front comes with each look at it, and hides none about more than that image.
        """
        may_fold = [banner for banner in self._banners() if banner.notice.level != "error" and not banner.asks]
        warnings = [banner for banner in may_fold if not banner.passes]
        in_sight = {*may_fold[:1], *warnings[:1], *[banner for banner in warnings if not banner.notice.image][:1]}
        folded = len(may_fold) - len(in_sight)
        self._unfolded = self._unfolded and folded > 0
        for place, banner in enumerate(may_fold):
            banner.stands_for(folded if place == 0 else 0, unfolded=self._unfolded)
            banner.setVisible(banner in in_sight or self._unfolded)
        self._fit_soon()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit_soon()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the height of what lies below."""
        if event.type() is QEvent.Type.Resize:
            self._fit_soon()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """Learn over what it lies."""
        if event.type() is QEvent.Type.ParentChange and (below := self.parentWidget()) is not None:
            below.installEventFilter(self)
        return super().event(event)

    def _fit_soon(self) -> None:
        if not self._fits_soon:
            self._fits_soon = True
            later(self, self._fit)

    def _fit(self) -> None:
        """Show as many lines of each message as leave most of the image in sight."""
        self._fits_soon = False
        below, width = self.parentWidget(), self.width()
        shown = [banner for banner in self._banners() if not banner.isHidden()]
        room = _SHARE * below.height() if below is not None else inf
        for lines in range(MOST_LINES, 0, -1):
            for banner in shown:
                banner.keep_to(lines)
            taken = sum(banner.height_without_list(width) for banner in shown)
            if taken + LEAST * sum(banner.lists for banner in shown) <= room:
                break
        for banner in shown:
            if banner.lists:
                banner.give_list(round(min(room, _LIST_HEIGHT + taken) - taken))
