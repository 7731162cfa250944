"""Comes back to where the user was in a project: image, place and zoom, tool, step, chosen model."""

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSettings, QSignalBlocker
from PySide6.QtWidgets import QTabWidget

from segstudio.core.errors import WrongUsage
from segstudio.gui.viewer.camera_view import Look
from segstudio.gui.viewer.canvas import Canvas
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.session.session import Session
from segstudio.session.tools import create

_KEY = "projects"
#: Projects that are remembered.
_MOST = 50


class Resuming(QObject):
    """Keeps for each project where the user was, with the layout of the window; never in the project itself.

    Parameters
    ----------
    canvas, steps
        Know where the user looks and which step is in front; `Session.begin_with` is taken over.
    """

    def __init__(self, session: Session, canvas: Canvas, steps: QTabWidget) -> None:
        super().__init__(canvas)
        self._session, self._canvas, self._steps = session, canvas, steps
        self._settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
        self._folder = self._image = self._tool_kept = ""
        session.begin_with = lambda project: str(self._left(project.folder).get("image", ""))
        session.project_changed.connect(self._on_project)
        session.document_changed.connect(self._on_document)
        session.view.events.tool.connect(self._on_tool)
        steps.currentChanged.connect(lambda _number: self.keep())

    def keep(self) -> None:
        """Write down where the user is."""
        if not self._folder:
            return
        look = self._canvas.look_at(self._image)
        places = self._places()
        places.pop(self._folder, None)
        places[self._folder] = {
            "image": self._image,
            "look": [look.scale, look.x, look.y] if look is not None else None,
            "tool": self._tool_kept or self._session.view.tool,
            "step": self._steps.currentIndex(),
            "made": self._session.made.wanted,
            "model": self._session.models.wish,
            "model_chosen_at": self._session.models.chosen_at,
        }
        newest = dict(list(places.items())[-_MOST:])
        self._settings.setValue(_KEY, json.dumps(newest))

    def _on_project(self, project: Project | None) -> None:
        self.keep()
        self._folder = ""  # what follows is not the user's doing
        if project is None:
            return
        left = self._left(project.folder)
        self._image = str(left.get("image", ""))
        self._canvas.look_later(self._image, _look(left.get("look")))
        tool = _tool(left.get("tool"))
        # Who only looks has nothing to draw with, and finds the tool in the hand again when the project can be changed.
        self._tool_kept = tool if project.read_only else ""
        self._session.view.tool = "select" if project.read_only else tool
        self._session.made.show(left.get("made") is True)
        if model := str(left.get("model") or ""):
            at = left.get("model_chosen_at")
            self._session.models.choose(model, at if isinstance(at, float) else None)  # the newest, should it be gone
        step = left.get("step")
        with QSignalBlocker(self._steps):  # the step Measure would open the drawer
            self._steps.setCurrentIndex(step if isinstance(step, int) and 0 <= step < self._steps.count() else 0)
        self._folder = str(project.folder)

    def _on_document(self, document: ImageDocument | None) -> None:
        if document is not None:
            self._image = document.entry.id
            self.keep()

    def _on_tool(self, _tool: str) -> None:
        self.keep()

    def _left(self, folder: Path) -> dict[str, Any]:
        left = self._places().get(str(folder))
        return left if isinstance(left, dict) else {}

    def _places(self) -> dict[str, Any]:
        """Return what is remembered; nothing when the memory is damaged."""
        try:
            places = json.loads(str(self._settings.value(_KEY, "{}")))
        except (ValueError, RecursionError):
            return {}
        return places if isinstance(places, dict) else {}


def _look(value: object) -> Look | None:
    try:
        scale, x, y = map(float, value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return None
    return Look.within(scale, x, y)


def _tool(value: object) -> str:
    try:
        create(str(value))
    except WrongUsage:
        return "select"
    return str(value)
