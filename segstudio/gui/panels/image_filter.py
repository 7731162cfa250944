"""Which images the list shows: those with some words in their name, or in a state."""

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel

from segstudio.gui.panels.image_rows import ImageRows


class ImageFilter(QSortFilterProxyModel):
    """Leaves the images with these words in their name; where no name has them, those whose state begins so.

    A state counts as it was when the words were typed: an image that is labelled meanwhile does not vanish under the
    brush.
    """

    def __init__(self, rows: ImageRows, parent: QObject) -> None:
        super().__init__(parent)
        self._rows = rows
        self._words = ""
        self._meant: dict[str, bool] = {}
        self.setSourceModel(rows)

    def show(self, words: str) -> None:
        """Leave the images that `words` mean; all of them without words."""
        self._words = words.strip().casefold()
        names = self._rows.names() if self._words else {}
        self._meant = {image_id: self._words in name.casefold() for image_id, name in names.items()}
        if self._words and not any(self._meant.values()):
            rows = range(self._rows.rowCount())
            self._meant = {self._rows.id_at(row): self._is_in_state(row) for row in rows}
        self.setFilterFixedString(self._words)  # filters anew in every version of Qt

    def shown_ids(self) -> frozenset[str]:
        """Return the images that it leaves; thousands are not asked for one by one through the model."""
        rows = range(self._rows.rowCount())
        left = (row for row in rows if self.filterAcceptsRow(row, QModelIndex())) if self._words else rows
        return frozenset(map(self._rows.id_at, left))

    def _is_in_state(self, row: int) -> bool:
        return self._rows.state_words(row).casefold().startswith(self._words)

    def filterAcceptsRow(self, row: int, _parent: QModelIndex | QPersistentModelIndex) -> bool:
        """Return whether the list shows a row; an image that came since then is meant by its name only."""
        if not self._words:
            return True
        meant = self._meant.get(self._rows.id_at(row))
        return self._words in self._rows.index(row).data().casefold() if meant is None else meant
