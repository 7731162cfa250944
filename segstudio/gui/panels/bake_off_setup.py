"""What is to be compared: ways to find objects times networks, and the time that each one gets."""

from collections.abc import Iterable, Sequence
from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import UserError
from segstudio.gui.forms.numbers import whole_number
from segstudio.gui.forms.parts import caption, heading
from segstudio.gui.theme import SPACING, SPACING_GROUP
from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.project.left_out import left_out_words
from segstudio.session.bake_off_candidates import DEFAULT_CANDIDATES, Candidate, candidates_of, why_not
from segstudio.session.bake_off_record import estimated_minutes, minutes_each
from segstudio.session.bake_off_result import FEWEST_IMAGES
from segstudio.session.doctor.length import FEW_MINUTES
from segstudio.session.job_specs import SplitSummary

_NAME = Qt.ItemDataRole.UserRole
_ROW_HEIGHT = 26
_DEFAULT_MINUTES = 10.0


class CheckList(QWidget):
    """A titled list whose entries can be ticked with the mouse or the space bar."""

    changed = Signal()

    def __init__(self, title: str) -> None:
        super().__init__()
        self.list = QListWidget()
        self.list.setObjectName("checks")
        self.list.setAccessibleName(title)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.itemChanged.connect(lambda _item: self.changed.emit())
        self.title = heading(title)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.title)
        column.addWidget(self.list, 1)

    def fill(self, items: Iterable[tuple[str, str, str, str]], ticked: Iterable[str]) -> None:
        """Show other entries: name, title, tooltip, and why it cannot be ticked (empty when it can)."""
        wanted, current = set(ticked), self.list.currentRow()
        self.list.blockSignals(True)
        self.list.clear()
        for name, title, tip, reason in items:
            item = QListWidgetItem(title)
            item.setData(_NAME, name)
            item.setSizeHint(QSize(0, _ROW_HEIGHT))
            about = dict.fromkeys((title, reason or tip))  # a long title has no room in the list
            item.setToolTip("".join(f"<p>{escape(words)}</p>" for words in about if words))
            flags = item.flags() | Qt.ItemFlag.ItemIsUserCheckable
            item.setFlags(flags & ~Qt.ItemFlag.ItemIsEnabled if reason else flags)
            chosen = name in wanted and not reason
            item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.setCurrentRow(min(max(current, 0), self.list.count() - 1))
        self.list.blockSignals(False)

    def names(self) -> list[str]:
        """Return the names of all entries."""
        return [str(self.list.item(row).data(_NAME)) for row in range(self.list.count())]

    def ticked(self) -> list[str]:
        """Return the names of the ticked entries."""
        items = (self.list.item(row) for row in range(self.list.count()))
        return [str(item.data(_NAME)) for item in items if item.checkState() is Qt.CheckState.Checked]

    def tick(self, name: str, ticked: bool = True) -> None:
        """Tick an entry as the user would."""
        row = self.names().index(name)
        self.list.item(row).setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)


class BakeOffSetup(QWidget):
    """The choices of a new comparison."""

    changed = Signal()
    """What is chosen, or whether it can be compared, is another."""

    def __init__(self) -> None:
        super().__init__()
        self._catalogue: Catalogue | None = None
        self._summary: SplitSummary | None = None
        self._left_out: set[str] = set()
        self.problem = ""
        self.formulations = CheckList(self.tr("Ways to find objects"))
        self.networks = CheckList(self.tr("Networks"))
        self.candidates = CheckList(self.tr("Candidates"))
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.1, 100_000.0)
        self.minutes.setDecimals(1)
        self.minutes.setValue(_DEFAULT_MINUTES)
        self.minutes.setSuffix(self.tr(" min"))
        self.minutes.setFixedWidth(110)
        self.minutes.setAccessibleName(self.tr("Time"))
        whole_number(self.minutes)
        self.share = QComboBox()
        self.share.addItem(self.tr("for each candidate"), "each")
        self.share.addItem(self.tr("for all together"), "all")
        self.share.setAccessibleName(self.tr("What the time is for"))
        self._estimate, self._images, self._problem = caption(role=""), caption(), caption(role="error")
        self._build()
        self.formulations.changed.connect(self._on_lists)
        self.networks.changed.connect(self._on_lists)
        self.candidates.changed.connect(self._on_candidates)
        self.minutes.valueChanged.connect(self._refresh)
        self.share.currentIndexChanged.connect(self._refresh)
        self._refresh()

    def show_catalogue(self, catalogue: Catalogue | None) -> None:
        """Offer what the engine has; what is ticked stays so."""
        if catalogue is None or catalogue == self._catalogue:
            return
        first = self._catalogue is None
        ways = {way for way, _network in DEFAULT_CANDIDATES} if first else set(self.formulations.ticked())
        networks = {network for _way, network in DEFAULT_CANDIDATES} if first else set(self.networks.ticked())
        self._catalogue = catalogue
        proposed = [name for pair in DEFAULT_CANDIDATES for name in pair]
        self.formulations.fill(_entries(catalogue.formulations, proposed, reasons=True), ways)
        self.networks.fill(_entries(catalogue.architectures, proposed), networks)
        self._on_lists()

    def show_summary(self, summary: SplitSummary | None) -> None:
        """Say on what the candidates are trained and scored."""
        self._summary = summary
        self._refresh()

    def chosen(self) -> tuple[Candidate, ...]:
        """Return the ticked candidates."""
        ticked = set(self.candidates.ticked())
        return tuple(candidate for candidate in self._product() if candidate.key in ticked)

    def minutes_each(self) -> float:
        """Return the minutes for each candidate; raise `WrongUsage` when there is nothing to compare."""
        value, count = self.minutes.value(), len(self.candidates.ticked())
        return minutes_each(count, in_all=value) if self.share.currentData() == "all" else minutes_each(count, value)

    def estimate(self) -> str:
        """Return what is said about the time."""
        return self._estimate.text()

    def _build(self) -> None:
        lists = QHBoxLayout()
        lists.setSpacing(SPACING_GROUP)
        for widget, stretch in ((self.formulations, 3), (self.networks, 3), (self.candidates, 4)):
            lists.addWidget(widget, stretch)
        budget = QHBoxLayout()
        budget.setSpacing(SPACING)
        title = QLabel(self.tr("Time"))
        title.setBuddy(self.minutes)
        for part in (title, self.minutes, self.share):
            budget.addWidget(part)
        budget.addSpacing(SPACING)
        budget.addWidget(self._estimate, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING_GROUP)
        column.addLayout(lists, 1)
        column.addLayout(budget)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._images)
        words.addWidget(self._problem)
        column.addLayout(words)

    def _product(self) -> list[Candidate]:
        if self._catalogue is None:
            return []
        return candidates_of(self._catalogue, self.formulations.ticked(), self.networks.ticked())

    def _on_lists(self) -> None:
        made = self._product()
        ticked = [candidate.key for candidate in made if candidate.key not in self._left_out]
        self.candidates.fill(((item.key, item.title, "", "") for item in made), ticked)
        self._refresh()

    def _on_candidates(self) -> None:
        shown, ticked = set(self.candidates.names()), set(self.candidates.ticked())
        self._left_out = (self._left_out - shown) | (shown - ticked)
        self._refresh()

    def _refresh(self) -> None:
        self.problem = self._find_problem()
        self._problem.setText(self.problem)
        self._problem.setVisible(bool(self.problem))
        self._images.setText(self._say_images())
        count = len(self.candidates.ticked())
        try:
            each = self.minutes_each()
        except UserError:
            self._estimate.setText("")
        else:
            words = self.tr("{0} candidates, {1} each: about {2} in all.")
            short = self.tr(" Less than {0} is often too short to tell which is better.").format(_time(FEW_MINUTES))
            estimate = words.format(count, _time(each), _time(estimated_minutes(count, each)))
            self._estimate.setText(f"{estimate}{short if each < FEW_MINUTES else ''}")
        self.changed.emit()

    def _find_problem(self) -> str:
        summary = self._summary
        if self._catalogue is None:
            return ""
        if summary is not None and not summary.train and summary.left_out:
            nothing = self.tr("No labelled image is left for training.")
            return f"{nothing} {left_out_words(summary.left_out)}"
        if summary is not None and not summary.train:
            return self.tr("Nothing is labelled for training: label about 10 cells in 2 images first.")
        if summary is not None and not summary.val:
            return self.tr(
                "No labelled image is kept for validation, so nothing can tell which candidate is better: label one "
                "more image and mark it for validation."
            )
        try:
            self.minutes_each()
        except UserError as error:
            return str(error)
        return ""

    def _say_images(self) -> str:
        summary = self._summary
        if self._catalogue is None:
            return self.tr("Reading which networks there are …")
        if summary is None:
            return self.tr("Counting the labels …")
        if not summary.train or not summary.val:
            return ""
        words = self.tr(
            "All start from scratch and learn from the same {0} with {1} objects, with the settings and the seed of "
            "the Train form, and are scored on the same {2}."
        )
        says = words.format(_images(summary.train), summary.objects, _images(summary.val, self.tr("validation ")))
        if summary.val < FEWEST_IMAGES:
            says += self.tr(" So few cannot tell candidates apart: label {0} or more for validation.").format(
                FEWEST_IMAGES
            )
        return f"{says} {left_out_words(summary.left_out)}".strip()


def _entries(
    offers: Iterable[Offer], proposed: Sequence[str], *, reasons: bool = False
) -> list[tuple[str, str, str, str]]:
    """Return what the list shows: those that are proposed first, then by title; those that cannot be chosen last."""

    def place(offer: Offer) -> tuple[bool, int, str]:
        rank = proposed.index(offer.name) if offer.name in proposed else len(proposed)
        return reasons and bool(why_not(offer)), rank, offer.title.lower()

    ordered = sorted(offers, key=place)
    return [(offer.name, offer.title, offer.description, why_not(offer) if reasons else "") for offer in ordered]


def _images(count: int, kind: str = "") -> str:
    return f"1 {kind}image" if count == 1 else f"{count} {kind}images"


def _time(minutes: float) -> str:
    """Return a time as people say it: ``"45 s"``, ``"12 min"``, ``"2 h 30 min"``."""
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    if minutes < 120:
        return f"{minutes:.3g} min" if minutes < 10 else f"{minutes:.0f} min"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
