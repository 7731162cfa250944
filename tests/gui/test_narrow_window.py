"""What a small window must not cut off."""

from pathlib import Path

import numpy as np
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListView
from pytestqt.qtbot import QtBot

from segstudio.gui.panels.images import ImagesPanel
from segstudio.project.project import Project
from segstudio.session.session import Session


def test_the_narrowest_list_of_images_cuts_no_state_off(tmp_path: Path, qtbot: QtBot) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16), np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    project.close()
    session = Session()
    session.open_project(tmp_path / "project")
    panel = ImagesPanel(session)
    qtbot.addWidget(panel)
    (view,) = panel.findChildren(QListView)
    view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
    panel.resize(panel.minimumSizeHint().width(), 400)
    panel.show()
    qtbot.waitExposed(panel)
    metrics = view.fontMetrics()
    picture_and_edges = 8 + 44 + 8 + 20 + 8
    taken = picture_and_edges + metrics.horizontalAdvance("train") + 8
    assert view.viewport().width() - taken >= metrics.horizontalAdvance("Complete")
    session.close()
