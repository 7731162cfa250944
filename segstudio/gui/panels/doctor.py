"""What the program makes of a training: findings with their figures, and one button each that does what helps."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout

from segstudio.gui.forms.parts import Section, button, caption, keys_after, on_theme, row, set_role, tool_button
from segstudio.gui.theme import icon
from segstudio.session.doctor import Finding, Remedy
from segstudio.session.session import Session

#: Findings in sight; the others wait behind a button.
_SHOWN = 3
#: Looked at anew at most so often while a training runs, milliseconds.
_PAUSE_MS = 500
_PICTURES = {"error": "warning-octagon", "warning": "warning", "note": "info"}
_COLOURS = {"error": "error", "warning": "warning", "note": "info"}


class FindingCard(QFrame):
    """One finding: what it is, the figures, what to do, and the button for it.

    Parameters
    ----------
    offer
        Words on the button; empty for no button.
    """

    wanted = Signal(object)
    """The `Remedy` whose button was pressed."""

    def __init__(self, finding: Finding, offer: str, tip: str = "") -> None:
        super().__init__()
        self.setObjectName("finding")
        self.setProperty("level", _COLOURS[finding.severity])
        self._finding = finding
        self._picture = QLabel()
        self._picture.setFixedSize(20, 20)
        sentence, evidence, advice = (
            caption(finding.sentence, role=""),
            caption(finding.evidence),
            caption(finding.advice),
        )
        advice.setProperty("role", "")
        font = sentence.font()
        font.setWeight(font.Weight.DemiBold)
        sentence.setFont(font)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(4)
        head = row(self._picture, sentence, stretch=1)
        head.setAlignment(self._picture, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        for text in (evidence, advice):
            column.addWidget(text)
        if offer and finding.remedy is not None:
            column.addSpacing(4)
            column.addWidget(self._make_button(finding.remedy, offer, tip), 0, Qt.AlignmentFlag.AlignLeft)
        self.setAccessibleName(f"{finding.sentence} {finding.evidence} {finding.advice}")
        on_theme(self, self._paint_picture)
        self._paint_picture()

    def _make_button(self, remedy: Remedy, offer: str, tip: str) -> QPushButton:
        made = button(offer, lambda: self.wanted.emit(remedy))
        made.setToolTip(tip)
        return made

    def _paint_picture(self) -> None:
        severity = self._finding.severity
        self._picture.setPixmap(icon(_PICTURES[severity], _COLOURS[severity]).pixmap(20, 20))


class DoctorSection(Section):
    """The findings about one training; quiet when all is well."""

    remedy_wanted = Signal(str, object)
    """Id of the training and the `Remedy` that the user wants."""

    def __init__(self, session: Session) -> None:
        super().__init__(" ")
        self._session = session
        self._run_id = ""
        self._found: tuple[Finding, ...] | None = None
        self._live = self._all = False
        self._put_away: dict[str, frozenset[str]] = {}
        self._cards: list[FindingCard] = []
        self._quiet = caption(role="good")
        self._more = button("", self._on_more)
        self._more.setProperty("role", "link")
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._close = tool_button("x", self.tr("Put away"), self.put_away)
        self.title.setWordWrap(True)  # a training may have a long name
        self.body.removeWidget(self.title)
        self.body.addLayout(row(self.title, self._close, stretch=0))
        self.body.addWidget(self._quiet)
        self.body.addLayout(self._list)
        self.body.addWidget(self._more)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)
        session.doctor.changed.connect(self._on_changed)
        session.jobs.changed.connect(self._on_changed)
        self.show_run("")

    @property
    def run_id(self) -> str:
        """The training that is shown, empty for none."""
        return self._run_id

    def findings(self) -> tuple[Finding, ...]:
        """Return what is shown, or waits behind the button."""
        return self._found or ()

    def show_run(self, run_id: str, title: str = "") -> None:
        """Show the findings about a training; nothing for ``""``."""
        if run_id != self._run_id:
            self._run_id, self._found, self._all = run_id, None, False
            self._clear()
        self.title.setText(title)
        self.refresh()

    def put_away(self) -> None:
        """Hide what is said about this training, until there is something new to say."""
        self._put_away[self._run_id] = frozenset(finding.code for finding in self.findings())
        self.refresh()

    def refresh(self) -> None:
        """Examine the training again and show what has changed."""
        doctor, live = self._session.doctor, self._session.jobs.live(self._run_id)
        found = doctor.findings(self._run_id) if self._run_id else None
        # Nothing is said of a training that has said nothing yet.
        told = found is not None and (bool(found) or doctor.has_learned(self._run_id))
        self.setVisible(told and not self._is_put_away(found or ()))
        self._say_silence()
        if found is None or (found == self._found and live == self._live):
            return
        self._found, self._live = found, live
        self._fill(found)

    def _say_silence(self) -> None:
        """Say what it means that nothing is found, in green only when enough was seen to tell."""
        words, good = self._session.doctor.silence(self._run_id)
        self._quiet.setText(words)
        set_role(self._quiet, "good" if good else "secondary")

    def _is_put_away(self, found: tuple[Finding, ...]) -> bool:
        known = self._put_away.get(self._run_id)
        return known is not None and all(finding.code in known for finding in found)

    def _fill(self, found: tuple[Finding, ...]) -> None:
        self._clear()
        shown = found if self._all else found[:_SHOWN]
        for finding in shown:
            card = FindingCard(finding, self._offer(finding.remedy), self._tip(finding.remedy))
            card.wanted.connect(lambda remedy: self.remedy_wanted.emit(self._run_id, remedy))
            self._cards.append(card)
            self._list.addWidget(card)
        keys_after(self._close, *self._cards, self._more)
        hidden = len(found) - len(shown)
        self._quiet.setVisible(not found)
        self._more.setVisible(hidden > 0)
        self._more.setText(self.tr("1 more") if hidden == 1 else self.tr("{0} more").format(hidden))

    def _clear(self) -> None:
        for card in self._cards:
            self._list.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._cards.clear()

    def _offer(self, remedy: Remedy | None) -> str:
        """Return the words on the button; a training that runs is stopped before its settings can change."""
        if remedy is None or (self._live and remedy.action in ("range-test", "resume", "longer")):
            return ""
        return self.tr("Stop it and change the setting") if self._live and remedy.settings else remedy.label

    def _tip(self, remedy: Remedy | None) -> str:
        if remedy is None or not remedy.settings:
            return ""
        changes = ", ".join(
            f"{path.rpartition('.')[2].replace('_', ' ')} {value}" for path, value in remedy.settings.items()
        )
        if self._live:
            return self.tr("Stops this training, keeps its best model, and fills the form with {0}").format(changes)
        return self.tr("The settings of this training, with {0}").format(changes)

    def _on_more(self) -> None:
        self._all = True
        self._fill(self.findings())

    def _on_changed(self, run_id: str) -> None:
        if run_id == self._run_id and not self._timer.isActive():
            self._timer.start(_PAUSE_MS)
