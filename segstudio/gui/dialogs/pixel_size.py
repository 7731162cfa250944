"""How large a pixel is, for images whose files do not say it: measurements in micrometres need it."""

from collections.abc import Iterable

from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.forms.parts import caption
from segstudio.gui.forms.pixel_size_box import PixelSizeBox
from segstudio.project.project import Project

_CHOSEN, _ALL = range(2)


class PixelSizeDialog(QDialog):
    """Asks for the side of a pixel.

    Parameters
    ----------
    chosen
        Ids of the images that are meant first.
    """

    def __init__(self, project: Project, chosen: Iterable[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Pixel size"))
        self.setMinimumWidth(400)
        self._all = [entry.id for entry in project.images]
        self._chosen = [image_id for image_id in chosen if image_id in self._all]
        known = {project.entry(image_id).pixel_size_um for image_id in self._chosen}
        self.size_um = PixelSizeBox(known.pop() if len(known) == 1 else None)
        self.size_um.selectAll()
        self.scope = QButtonGroup(self)
        first = project.entry(self._chosen[0]).name if len(self._chosen) == 1 else ""
        few = first or self.tr("The {0} chosen images").format(len(self._chosen))
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addWidget(
            caption(
                self.tr(
                    "The microscope's software or the scale bar tells how many micrometres one pixel is wide. "
                    "Lengths and areas are then given in µm and µm², on the screen and in exports."
                ),
                role="",
            )
        )
        column.addSpacing(4)
        column.addWidget(self.size_um)
        for number, text in ((_CHOSEN, few), (_ALL, self.tr("All {0} images").format(len(self._all)))):
            choice = QRadioButton(text)
            self.scope.addButton(choice, number)
            column.addWidget(choice)
        self.scope.button(_CHOSEN).setEnabled(bool(self._chosen))
        self.scope.button(_CHOSEN if self._chosen else _ALL).setChecked(True)
        column.addSpacing(8)
        column.addWidget(self._make_buttons())

    def ids(self) -> list[str]:
        """Return the images it is for."""
        return self._all if self.scope.checkedId() == _ALL else self._chosen

    def value(self) -> float | None:
        """Return the side of a pixel in micrometres, ``None`` when it is not known."""
        return self.size_um.size_um()

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        take = buttons.addButton(self.tr("Set pixel size"), QDialogButtonBox.ButtonRole.AcceptRole)
        take.setDefault(True)
        take.setProperty("role", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons
