"""The help pages of the repository, offline, in a window beside the work."""

from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt, QUrl
from PySide6.QtGui import QImage, QKeyEvent, QKeySequence, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.resources import resource

#: The pages in reading order: file name and title.
PAGES = (
    ("first-session.md", "First session"),
    ("labelling.md", "Label"),
    ("formats.md", "Images and formats"),
    ("training.md", "Train"),
    ("networks.md", "Networks"),
    ("predicting.md", "Predict and correct"),
    ("exporting.md", "Measure and export"),
    ("shortcuts.md", "Keys and mouse"),
    ("command-line.md", "Command line"),
    ("scripting.md", "Scripting"),
    ("glossary.md", "Glossary"),
    ("troubleshooting.md", "When something is wrong"),
)
#: Room beside a picture, logical pixels.
_MARGIN = 24
_ROW_HEIGHT = 28
#: Room above a heading, by its level.
_ABOVE = {1: 28, 2: 24, 3: 16}


class _Page(QTextBrowser):
    """A page whose pictures are no wider than the page."""

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        found = super().loadResource(kind, name)
        if kind != QTextDocument.ResourceType.ImageResource.value or not isinstance(found, QByteArray):
            return found
        picture = QImage.fromData(found)
        ratio = self.devicePixelRatioF()
        wide = round((self.viewport().width() - _MARGIN) * ratio)
        if picture.width() > wide > 0:
            picture = picture.scaledToWidth(wide, Qt.TransformationMode.SmoothTransformation)
            picture.setDevicePixelRatio(ratio)
        return picture

    def dress(self) -> None:
        """Give headings and paragraphs their room: a page of Markdown brings none."""
        cursor = QTextCursor(self.document())
        block = self.document().begin()
        while block.isValid():
            made, level = block.blockFormat(), block.blockFormat().headingLevel()
            cursor.setPosition(block.position())
            if level:
                made.setTopMargin(_ABOVE.get(level, _ABOVE[3]) if block.blockNumber() else 0)
                made.setBottomMargin(6)
            elif cursor.currentTable() is None:
                made.setTopMargin(4)
                made.setBottomMargin(4)
            cursor.setBlockFormat(made)
            block = block.next()


class HelpWindow(QWidget):
    """Pages on the left, text on the right; links between pages work, nothing is fetched."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(self.tr("SegStudio help"))
        self.resize(980, 720)
        self._folder = resource("docs", "help")
        self._list = QListWidget()
        self._list.setMaximumWidth(220)
        for name, title in PAGES:
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setSizeHint(QSize(0, _ROW_HEIGHT))
            self._list.addItem(item)
        self._text = _Page()
        self._text.setOpenLinks(False)
        self._text.setSearchPaths([str(self._folder)])
        self._text.anchorClicked.connect(self._follow)
        self._list.currentItemChanged.connect(lambda item, _old: self._show(item.data(Qt.ItemDataRole.UserRole)))
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search"))
        self._search.setClearButtonEnabled(True)
        self._search.setMaximumWidth(220)
        self._search.textChanged.connect(self._find)
        self._search.returnPressed.connect(self._find_next)
        self._none = QLabel(self.tr("No page has these words."))
        self._none.hide()
        side = QVBoxLayout()
        side.addWidget(self._search)
        side.addWidget(self._none)
        side.addWidget(self._list, 1)
        row = QHBoxLayout(self)
        row.addLayout(side)
        row.addWidget(self._text, 1)

    def open_page(self, name: str = "first-session.md") -> None:
        """Show one page and bring the window to the front."""
        for index in range(self._list.count()):
            if self._list.item(index).data(Qt.ItemDataRole.UserRole) == name:
                self._list.setCurrentRow(index)
        self.show()
        self.raise_()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Esc; search with Ctrl+F."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        elif event.matches(QKeySequence.StandardKey.Find):
            self._search.setFocus()
        else:
            super().keyPressEvent(event)

    def _find(self, words: str) -> None:
        """List the pages with `words`, open the first of them at the words."""
        words = words.strip().lower()
        shown = []
        for index in range(self._list.count()):
            item = self._list.item(index)
            hidden = words not in item.text().lower() and words not in self._content(item)
            item.setHidden(hidden)
            if not hidden:
                shown.append(item)
        self._none.setVisible(not shown)
        if shown and self._list.currentItem() not in shown:
            self._list.setCurrentItem(shown[0])
        self._mark()

    def _find_next(self) -> None:
        """Go to the next place on the page, and behind the last one to the first."""
        words = self._search.text().strip()
        if words and not self._text.find(words):
            self._text.moveCursor(QTextCursor.MoveOperation.Start)
            self._text.find(words)

    def _mark(self) -> None:
        """Select the words on the page that is shown."""
        self._text.moveCursor(QTextCursor.MoveOperation.Start)
        self._find_next()

    def _content(self, item: QListWidgetItem) -> str:
        name: str = item.data(Qt.ItemDataRole.UserRole)
        return (self._folder / name).read_text(encoding="utf-8").lower()

    def _show(self, name: str) -> None:
        self._text.setSource(QUrl.fromLocalFile(str(self._folder / name)))
        self._text.dress()
        self._mark()

    def _follow(self, url: QUrl) -> None:
        name = Path(url.path()).name
        if url.hasFragment() and not name:
            self._text.scrollToAnchor(url.fragment())
        elif name.endswith(".md"):
            self.open_page(name)
