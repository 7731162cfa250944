"""The first page: what the program does, and the four ways in."""

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.theme import icon

_LOOP = (
    ("ph.image", "Open", "a folder of images"),
    ("ph.paint-brush", "Label", "a few cells by hand"),
    ("ph.graduation-cap", "Train", "in the background"),
    ("ph.magic-wand", "Predict", "all images"),
    ("ph.check-square-offset", "Correct", "what is wrong"),
    ("ph.ruler", "Measure", "and export"),
)


class Welcome(QWidget):
    """Asks what to open; says nothing about anything else."""

    open_folder = Signal()
    open_project = Signal()
    open_sample = Signal()
    open_recent = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("welcome")
        self._recent_box = QVBoxLayout()
        self._recent_box.setSpacing(4)
        self._pictures: list[tuple[QLabel, str]] = []
        column = QVBoxLayout()
        column.setSpacing(8)
        title = QLabel("SegStudio")
        title.setProperty("role", "display")
        says = QLabel(self.tr("Label a few cells, train on them, and let the computer find the rest."))
        says.setProperty("role", "secondary")
        column.addWidget(title)
        column.addWidget(says)
        column.addSpacing(24)
        column.addLayout(self._loop())
        column.addSpacing(24)
        column.addLayout(self._buttons())
        column.addSpacing(24)
        column.addLayout(self._recent_box)
        drop = QLabel(self.tr("You can also drop images, folders or a project on this window."))
        drop.setProperty("role", "secondary")
        column.addWidget(drop)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(820)
        frame = QHBoxLayout(self)
        frame.addStretch(1)
        frame.addWidget(middle, 0, Qt.AlignmentFlag.AlignVCenter)
        frame.addStretch(1)
        self.retint()

    def set_recent(self, folders: tuple[str, ...]) -> None:
        """List the projects opened last; folders that are gone are left out by the caller."""
        while (item := self._recent_box.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        if not folders:
            return
        heading = QLabel(self.tr("Recent projects"))
        heading.setProperty("role", "heading")
        self._recent_box.addWidget(heading)
        for folder in folders[:4]:
            button = QPushButton(icon("ph.folder"), f"{Path(folder).name}    {_shortened(Path(folder).parent)}")
            button.setProperty("role", "link")
            button.setToolTip(plain_tip(folder))
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _checked=False, path=folder: self.open_recent.emit(path))
            self._recent_box.addWidget(button)

    def retint(self) -> None:
        """Draw the pictures again in the colours of the theme."""
        for label, name in self._pictures:
            label.setPixmap(icon(name, "accent").pixmap(QSize(32, 32)))

    def _loop(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        for column, (picture, verb, rest) in enumerate(_LOOP):
            label = QLabel()
            self._pictures.append((label, picture))
            name = QLabel(self.tr(verb))
            name.setProperty("role", "heading")
            says = QLabel(self.tr(rest))
            says.setProperty("role", "secondary")
            says.setWordWrap(True)
            for row, widget in enumerate((label, name, says)):
                grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignHCenter)
            says.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            grid.setColumnStretch(column, 1)
        return grid

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        wishes = (
            ("primary", "ph.folder-open", self.tr("Open images folder…"), self.open_folder),
            ("", "ph.archive-box", self.tr("Open project…"), self.open_project),
            ("", "ph.flask", self.tr("Try the sample"), self.open_sample),
        )
        for kind, picture, text, signal in wishes:
            button = QPushButton(icon(picture, "on_accent") if kind else icon(picture), text)
            button.setProperty("role", kind)
            button.setMinimumHeight(36)
            button.clicked.connect(signal)
            row.addWidget(button)
        row.addStretch(1)
        return row


def _shortened(folder: Path, limit: int = 60) -> str:
    text = str(folder)
    return text if len(text) <= limit else "…" + text[-limit:]
