"""What the axes of an image mean and how large a pixel is, with pictures to judge by."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.axes import ImageInfo
from segstudio.gui.forms.parts import caption, heading, row, set_role
from segstudio.gui.forms.pixel_size_box import PixelSizeBox
from segstudio.gui.forms.plain import plain
from segstudio.io.read_as import check_meaning, info_as, meant_axes, plane_axes, possible
from segstudio.session.axis_meaning import AxesFound

_SIDE = 84


class AxesDialog(QDialog):
    """Asks what each axis means; nothing is changed before it is accepted.

    Parameters
    ----------
    found
        The image, and how it is read now.
    """

    def __init__(self, found: AxesFound, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found = found
        self.setWindowTitle(self.tr("Axes and pixel size"))
        self.setMinimumWidth(560)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(8)
        column.addWidget(plain(heading(found.name)))
        unsure = not found.info.sure or "I" in found.read_as
        says = (
            self.tr("The file does not say what lies along its axes. Please look at the pictures and choose.")
            if unsure
            else self.tr("This is what the file says, or what was chosen before.")
        )
        column.addWidget(caption(says, role=""))
        names = self._names()
        self._choices = []
        for number, ((_, size), letter) in enumerate(zip(meant_axes(found.info), found.read_as, strict=True)):
            choice = QComboBox()
            letters = possible(found.info, number)
            for other in letters if letter in letters else letters + letter:
                choice.addItem(names[other], other)
            choice.setCurrentIndex(choice.findData(letter))
            choice.setAccessibleName(self.tr("Axis of {0}").format(size))
            choice.currentIndexChanged.connect(self._follow)
            self._choices.append(choice)
            column.addSpacing(8)
            column.addLayout(row(QLabel(self.tr("{0} planes are").format(size)), choice, QWidget(), stretch=2))
            column.addLayout(self._strip(number, size))
        self._result = caption(role="")
        self.size_um = PixelSizeBox(found.pixel_size_um)
        self._all = QCheckBox(self._words_of_all())
        self._all.setChecked(True)
        column.addSpacing(8)
        column.addLayout(row(QLabel(self.tr("A pixel is")), self.size_um, QWidget(), stretch=2))
        column.addSpacing(8)
        column.addWidget(self._result)
        column.addWidget(self._all)
        column.addSpacing(8)
        column.addWidget(self._buttons())
        self._follow()

    def ids(self) -> list[str]:
        """Return the images it is for, this one first."""
        return [self._found.image_id, *(self._found.alike if self._all.isChecked() else ())]

    def letters(self) -> str:
        """Return what was chosen, a letter for each axis."""
        return "".join(choice.currentData() for choice in self._choices)

    def pixel_size(self) -> float | None:
        """Return the side of a pixel in micrometres, as it was unless it was changed; ``None`` when it is not known."""
        return self.size_um.size_um()

    def keeps(self) -> bool:
        """Return whether images that come from the same folder are to be read the same way."""
        return self._all.isChecked()

    def _names(self) -> dict[str, str]:
        return {
            "Z": self.tr("depth (z)"),
            "T": self.tr("time (t)"),
            "C": self.tr("channels"),
            "S": self.tr("red, green and blue"),
            "I": self.tr("in no known order"),
        }

    def _words_of_all(self) -> str:
        count = len(self._found.alike)
        if not count:
            return self.tr("New images of this folder with the same shape, too")
        return self.tr("All images of this folder with the same shape, too: {0} more, and new ones").format(count)

    def _strip(self, axis: int, size: int) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        for at, pixels in self._found.pictures[axis]:
            height, width = pixels.shape[:2]
            image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888).copy()
            label = QLabel()
            label.setPixmap(QPixmap.fromImage(image).scaled(_SIDE, _SIDE, Qt.AspectRatioMode.KeepAspectRatio))
            label.setToolTip(self.tr("{0} of {1}").format(at + 1, size))
            one = QVBoxLayout()
            one.setSpacing(2)
            one.addWidget(label)
            one.addWidget(caption(str(at + 1)), 0, Qt.AlignmentFlag.AlignTop)
            line.addLayout(one)
        line.addStretch(1)
        return line

    def _follow(self) -> None:
        info, letters = self._found.info, self.letters()
        problem = check_meaning(info, letters)
        if not problem and self._found.drawn and plane_axes(self._found.read_as) != plane_axes(letters):
            problem = self.tr("There are labels or predictions already: they would lie on other planes.")
        self._result.setText(problem or self._summary(info_as(info, letters)))
        set_role(self._result, "warning" if problem else "")
        self._take.setEnabled(not problem)

    def _summary(self, info: ImageInfo) -> str:
        size = self.tr("{0} × {1} pixels").format(info.width, info.height)
        planes = self.tr("{0} planes to label, each of {1}").format(info.planes, size)
        what = planes if info.planes > 1 else self.tr("One plane to label, of {0}").format(size)
        return self.tr("{0}, with {1} channels").format(what, info.channels) if info.channels > 1 else what

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        later = buttons.addButton(self.tr("Later"), QDialogButtonBox.ButtonRole.RejectRole)
        later.setAutoDefault(False)
        self._take = buttons.addButton(self.tr("Read it so"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._take.setDefault(True)
        self._take.setProperty("role", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons
