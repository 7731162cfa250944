"""A box for the side of a pixel."""

from PySide6.QtWidgets import QDoubleSpinBox

from segstudio.gui.forms.numbers import whole_number

_LARGEST_UM = 10_000.0


class PixelSizeBox(QDoubleSpinBox):
    """Asks for micrometres; 0 stands for not known.

    Parameters
    ----------
    size_um
        What is known so far. It has more digits than the box shows.
    """

    def __init__(self, size_um: float | None) -> None:
        super().__init__()
        whole_number(self)
        self.setRange(0.0, _LARGEST_UM)
        self.setDecimals(5)
        self.setSingleStep(0.01)
        self.setSuffix(self.tr(" µm per pixel"))
        self.setSpecialValueText(self.tr("not known"))
        self.setValue(size_um or 0.0)
        self._known, self._shown = size_um, self.value()

    def size_um(self) -> float | None:
        """Return the side in micrometres, to the last digit unless it was changed; ``None`` when it is not known."""
        return self._known if self.value() == self._shown else self.value() or None
