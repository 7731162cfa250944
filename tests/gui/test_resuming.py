"""Who comes back to a project finds what was chosen there, with the time of the choice."""

import time

from PySide6.QtWidgets import QTabWidget
from studio import Studio

from segstudio.gui.resuming import Resuming
from segstudio.gui.viewer.canvas import Canvas


def test_a_choice_is_as_old_after_a_restart_as_it_was_before(studio: Studio) -> None:
    session = studio.session
    canvas = studio.show(Canvas(session))
    steps = studio.show(QTabWidget())
    resuming = Resuming(session, canvas, steps)
    studio.open()
    studio.model("run-1")
    studio.model("run-2")
    session.models.choose("run-1", time.time() - 100.0)
    chosen, project = session.models.chosen_at, session.project
    assert project is not None
    resuming.keep()
    session.close_project()
    session.models.choose("", 0.0)
    session.open_project(project.folder)
    studio.until(lambda: session.project not in (None, project) and session.runs.all)
    assert (session.models.wish, session.models.chosen_at) == ("run-1", chosen)
    canvas.close_threads()
