"""The image that the chosen model made of the image in front: which of the two the canvas shows, and where it lies."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QButtonGroup, QPushButton

from segstudio.gui.forms.parts import Section, button, caption, row, set_role
from segstudio.gui.keys_in_use import key_of, name_keys
from segstudio.jobs.messages import Artifact, Message
from segstudio.session.notice import Notice
from segstudio.session.session import Session

_IMAGE, _MADE = range(2)


class MadeImageSection(Section):
    """Seen while a model is chosen that makes images."""

    def __init__(self, session: Session) -> None:
        super().__init__("")
        self.title.setText(self.tr("The canvas shows"))
        self.title.show()
        self._session = session
        self._group = QButtonGroup(self)
        choices = [QPushButton(self.tr("Image")), QPushButton(self.tr("Made by the model"))]
        for number, choice in enumerate(choices):
            choice.setCheckable(True)
            self._group.addButton(choice, number)
        line = row(*choices)
        line.setSpacing(4)
        for number in (_IMAGE, _MADE):
            line.setStretch(number, 1)
        self._says = caption()
        self._files = caption(self.tr("Images made have the names of yours, as 32-bit TIFF."))
        self.body.addLayout(line)
        self.body.addWidget(self._says)
        self.body.addWidget(self._files)
        self.body.addWidget(button(self.tr("Open the folder of images made"), self._open_folder, "folder-open"))
        self._group.idClicked.connect(lambda number: session.made.show(number == _MADE))
        session.made.changed.connect(self._refresh)
        session.models.changed.connect(self._on_model)
        session.jobs.message.connect(self._on_message)
        self._on_model()
        name_keys(self, self._refresh)

    def _on_model(self) -> None:
        run = self._session.models.run
        self.setVisible(run is not None and run.makes_images)

    def _refresh(self) -> None:
        made = self._session.made
        if made.looking:
            return  # for a moment: what is said would flicker
        for choice in self._group.buttons():
            choice.setEnabled(made.source is not None)
        self._group.button(_MADE if made.shown else _IMAGE).setChecked(True)
        if made.problem:
            words = made.problem
        elif made.source is not None:
            key = key_of("view.made")
            press = self.tr("Press {0} to change between the two; place and zoom stay.")
            words = press.format(key) if key else self.tr("Place and zoom stay when you change between the two.")
        else:
            words = self.tr("This model has made no image of the one in front yet: press Predict.")
        self._says.setText(words)
        set_role(self._says, "error" if made.problem else "secondary")

    def _open_folder(self) -> None:
        """Show the folder with the images that the chosen model made."""
        session, project, run = self._session, self._session.project, self._session.models.run
        if project is None or run is None:
            return
        folder = project.predictions_folder / run.folder.name

        def show(there: bool) -> None:
            if not there:
                session.notice(self.tr("This model has made no image yet: press Predict."))
            elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
                session.notice(self.tr("No program opened the folder: {0}").format(folder), level="warning")

        session.background.run(folder.is_dir, show)

    def _on_message(self, _job_id: str, message: Message) -> None:
        if isinstance(message, Artifact) and message.role == "image":
            folder = Path(message.path).parent
            words = self.tr("The model makes images, with the names of yours; they are in {0}.").format(folder)
            self._session.noticed.emit(Notice(words, level="good", about=str(folder)))
