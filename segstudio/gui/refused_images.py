"""The banners about images that cannot be opened, each with the button that helps; gone when the image opens."""

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QPushButton

from segstudio.core.errors import UserError
from segstudio.gui.banner import BannerArea
from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.later import later
from segstudio.project.annotation_reader import DAMAGED_LABELS
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.project.project_place import GONE
from segstudio.session.image_files import CHANGED, MISSING
from segstudio.session.notice import Level, Notice
from segstudio.session.session import Session

#: How many images are named.
_NAMES = 3
#: So often is looked whether a file that is gone is back, milliseconds.
LOOK_EVERY_MS = 5000


class RefusedImages(QObject):
    """Says why images cannot be opened, as long as it is true.

    Images whose labels are damaged share one banner, as do those whose files are gone: one button helps all of them.
    A file with another content is a question of its own.
    """

    history_wanted = Signal(str)
    """Id of an image that cannot be opened, of which an earlier state is wanted."""
    folder_wanted = Signal(str)
    """Id of an image that moved: a folder is to be looked through for it."""

    def __init__(self, session: Session, banners: BannerArea, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._banners = banners
        self._told: dict[str, tuple[str, ...]] = {}
        self._gone: tuple[str, ...] = ()
        self._missing: tuple[str, ...] = ()
        self._timer = QTimer(self, interval=LOOK_EVERY_MS)
        self._timer.timeout.connect(session.files.look_whether_back)
        session.front.refused.connect(self._offer)
        session.front.refusals_changed.connect(self._withdraw)
        session.files.missing.connect(self._on_missing)
        session.project_changed.connect(self._on_project)

    def _offer(self, image_id: str, error: UserError) -> None:
        if error.code == ELSEWHERE:
            return  # who opens projects asks whether images there may be read
        if error.code == MISSING:
            self._say_missing()
            return
        ids, about = self._alike(image_id, error), _about(image_id, error)
        self._told[about] = ids
        message, hint = error.message, error.hint
        if error.code == GONE:
            self._banners.show_notice(Notice(message, hint, "error", about=about))
            return
        button = QPushButton()
        if error.code == DAMAGED_LABELS:
            hint = self.tr("Go back to an earlier state of it, or restore that file from a backup.")
            button.setText(self.tr("Earlier states…"))
            button.clicked.connect(lambda: self.history_wanted.emit(image_id))
            if len(ids) > 1:
                button.setToolTip(plain_tip(self.tr("Of {0}").format(self._names(ids[:1]))))
                message = self.tr("The labels of {0:,} images cannot be opened: {1}.").format(
                    len(ids), self._names(ids)
                )
                hint = self.tr(
                    "Choose one of them to go back to an earlier state of it, or restore its file from a backup."
                )
        else:
            hint = self.tr("Put the original back, or use the image as it is now; its labels stay.")
            button.setText(self.tr("Use the changed image"))
            button.clicked.connect(lambda: self._session.files.accept_changed(image_id))
        self._banners.show_notice(Notice(message, hint, "error", about=about), button)

    def _withdraw(self) -> None:
        """Say no more about an image that opens; of others say it again, for a banner goes when its button is taken."""
        refusals, told = self._session.front.refusals, self._told
        self._told = {about: left for about, ids in told.items() if (left := tuple(i for i in ids if i in refusals))}
        for about, ids in told.items():
            left = self._told.get(about, ())
            if not left:
                self._banners.withdraw(about)
            elif left != ids:
                self._offer(left[0], refusals[left[0]])
        if not set(self._missing) <= {*self._known_missing()}:
            self._say_missing()

    def _on_missing(self, image_ids: tuple[str, ...]) -> None:
        self._gone = image_ids
        if image_ids or set(self._missing) != {*self._known_missing()}:
            self._say_missing()

    def _on_project(self, _project: object) -> None:
        self._gone = ()
        self._say_missing()

    def _known_missing(self) -> tuple[str, ...]:
        """Return the images whose files are gone; those that somebody wanted to open first, the newest before all."""
        refusals = self._session.front.refusals
        refused = [image_id for image_id in reversed(refusals) if refusals[image_id].code == MISSING]
        return tuple(dict.fromkeys((*refused, *self._gone)))

    def _say_missing(self) -> None:
        self._missing = ids = self._known_missing()
        if not ids:
            self._timer.stop()
            self._banners.withdraw(MISSING)
            return
        if not self._timer.isActive():
            self._timer.start()
        project = self._session.project
        labelled = project is not None and any(e.labelled for e in project.images if e.id in ids)
        if len(ids) > 1:
            says = self.tr("{0:,} image files are gone: {1}.")
            if labelled:
                says = self.tr("{0:,} image files are gone; their labels are kept: {1}.")
            message = says.format(len(ids), self._names(ids))
            hint = self.tr("Connect their drive, put them back, or look for them.")
        else:
            says = self.tr("The image file {0} is gone.")
            if labelled:
                says = self.tr("The image file {0} is gone; its labels are kept.")
            message = says.format(self._names(ids))
            hint = self.tr("Connect its drive, put it back, or look for it.")
        button = QPushButton(self.tr("Look in a folder…"))
        button.clicked.connect(lambda: self._look(ids[0]))
        refusal = self._session.front.refusals.get(ids[0])
        button.setToolTip(plain_tip(refusal.message) if refusal is not None else "")
        level: Level = "warning" if refusal is None else "error"
        self._banners.show_notice(Notice(message, hint, level, about=MISSING), button)

    def _look(self, image_id: str) -> None:
        self.folder_wanted.emit(image_id)
        later(self, self._say_missing)  # the banner goes when its button is taken, also when no folder was chosen

    def _alike(self, image_id: str, error: UserError) -> tuple[str, ...]:
        """Return the images that one banner is about, the newest first."""
        about, refusals = _about(image_id, error), self._session.front.refusals
        others = [other for other in reversed(refusals) if _about(other, refusals[other]) == about]
        return (image_id, *(other for other in others if other != image_id))

    def _names(self, ids: tuple[str, ...]) -> str:
        project = self._session.project
        known = {entry.id: entry.name for entry in project.images} if project is not None else {}
        names = ", ".join(known[image_id] for image_id in ids[:_NAMES] if image_id in known)
        more = len(ids) - _NAMES
        return names + (self.tr(", and {0:,} more").format(more) if more > 0 else "")


def _about(image_id: str, error: UserError) -> str:
    return f"{error.code} {image_id}" if error.code == CHANGED else error.code
