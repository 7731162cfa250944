"""The window in which a project is verified: how far it is, then what is wrong and what to do, or that all is whole."""

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLabel,
    QProgressBar,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import UserError
from segstudio.gui.forms.parts import EmptyState, button, caption, centred, heading, row
from segstudio.gui.theme import SPACING, SPACING_GROUP
from segstudio.project.findings import Finding, Report
from segstudio.session.background import Background
from segstudio.session.verifying import Verifying

_SIZE = QSize(640, 460)
#: More cards than anybody reads; all of them are copied.
_SHOWN = 100
_WORKING, _WHOLE, _FOUND = range(3)


class VerifyDialog(QDialog):
    """Verifies a project as soon as it is shown; may stay open beside the work.

    Parameters
    ----------
    folder, name
        Of the project.
    """

    def __init__(self, folder: Path, name: str, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("verify")
        self.setWindowTitle(self.tr("Verify {0}").format(name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.report: Report | None = None
        self._verifying = Verifying(folder, background)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._at = caption()
        self._whole = EmptyState("shield-check")
        self._head = heading("")
        self._cards = QVBoxLayout()
        self._pages = QStackedWidget()
        self._again = button(self.tr("Verify again"), self.start, "arrows-clockwise")
        self._copy = button(self.tr("Copy report"), self._copy_report, "copy")
        self._close = button(self.tr("Close"), self.reject)
        self._lay_out()
        self._verifying.progressed.connect(self._on_progress)
        self._verifying.found.connect(self._on_found)
        self._verifying.failed.connect(self._on_failed)
        self.finished.connect(self._end)
        self.start()

    def start(self) -> None:
        """Verify, again if it was done before."""
        self.report = None
        self._bar.setRange(0, 0)
        self._at.setText(self.tr("Reading the project …"))
        self._show(_WORKING)
        self._verifying.start()

    def says(self) -> str:
        """Return what is said: where it is, that all is whole, or how much is not."""
        page = self._pages.currentIndex()
        return self._at.text() if page == _WORKING else self._whole.text() if page == _WHOLE else self._head.text()

    def _lay_out(self) -> None:
        for button_ in (self._again, self._copy):
            button_.setAutoDefault(False)
        self._close.setDefault(True)
        column = QVBoxLayout(self)
        column.setSpacing(SPACING_GROUP)
        self._pages.addWidget(self._working_page())
        self._pages.addWidget(centred(self._whole))
        self._pages.addWidget(self._found_page())
        column.addWidget(self._pages, 1)
        buttons = row(self._copy, self._again, self._close)
        buttons.insertStretch(0)
        column.addLayout(buttons)
        self.resize(_SIZE)

    def _working_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(SPACING)
        column.addStretch(1)
        column.addWidget(self._bar)
        column.addWidget(self._at)
        column.addWidget(caption(self.tr("Every file is read to its end. Nothing is written; you can go on working.")))
        column.addStretch(1)
        return page

    def _found_page(self) -> QWidget:
        page, inside, area = QWidget(), _Column(), QScrollArea()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        self._head.setWordWrap(True)
        column.addWidget(self._head)
        self._cards.setContentsMargins(0, 0, SPACING, 0)
        self._cards.setSpacing(SPACING)
        inside.setLayout(self._cards)
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setProperty("role", "bare")
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(area, 1)
        return page

    def _show(self, page: int) -> None:
        self._pages.setCurrentIndex(page)
        self._again.setVisible(page != _WORKING)
        self._copy.setVisible(page == _FOUND)
        self._close.setText(self.tr("Stop") if page == _WORKING else self.tr("Close"))

    def _on_progress(self, done: int, total: int, name: str) -> None:
        self._bar.setRange(0, max(total, 1))
        self._bar.setValue(done)
        self._at.setText(self.tr("{0} of {1} images: {2}").format(done, total, name) if name else self.tr("Models …"))

    def _on_found(self, report: Report) -> None:
        self.report = report
        if not report.findings:
            self._whole.say(
                self.tr("Everything is whole.\n{0} images, {1} files: all as they were saved.").format(
                    f"{report.images:,}", f"{report.files:,}"
                )
            )
            self._show(_WHOLE)
            return
        damaged = len({item.file for item in report.damage})
        if not damaged:
            self._head.setText(self.tr("Everything is whole. Worth to know:"))
        elif damaged == 1:
            self._head.setText(self.tr("One file is not as it was saved."))
        else:
            self._head.setText(self.tr("{0} files are not as they were saved.").format(f"{damaged:,}"))
        self._fill(report)
        self._show(_FOUND)

    def _fill(self, report: Report) -> None:
        while (item := self._cards.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for finding in report.findings[:_SHOWN]:
            self._cards.addWidget(self._card(finding))
        more = len(report.findings) - _SHOWN
        if more > 0:
            self._cards.addWidget(caption(self.tr("{0} more: copy the report to see them.").format(f"{more:,}")))
        self._cards.addStretch(1)

    def _card(self, finding: Finding) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setSpacing(4)
        name = _text(finding.title, "heading")
        name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(name)
        column.addWidget(caption(finding.wrong, "error" if finding.level == "damage" else ""))
        column.addWidget(caption(self.tr("Lost: {0}").format(finding.lost), ""))
        column.addWidget(caption(self.tr("To do: {0}").format(finding.do), ""))
        return card

    def _on_failed(self, error: UserError) -> None:
        self._whole.say(str(error))
        self._show(_WHOLE)

    def _copy_report(self) -> None:
        if self.report is not None:
            parts = (f"{i.title}\n{i.wrong}\nLost: {i.lost}\nTo do: {i.do}\n" for i in self.report.findings)
            QGuiApplication.clipboard().setText("\n".join(parts))

    def _end(self) -> None:
        self._verifying.stop()


class _Column(QWidget):
    """Asks for the height that its texts take at the width it has, not for that of the narrowest they could get."""

    def minimumSizeHint(self) -> QSize:
        """Return the least width only, where the height follows from the width."""
        hint = super().minimumSizeHint()
        return QSize(hint.width(), 0) if self.hasHeightForWidth() else hint


def _text(words: str, role: str) -> QLabel:
    label = caption(words, role)
    label.setMinimumWidth(0)
    return label
