"""Objects reviewed by keys in the real window, on to the next image by itself; all is there after a restart."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.core.tiles import Window
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels
from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
FOUND = ObjectInfo(source="model", state="unreviewed")


@pytest.mark.timeout(60)
def test_objects_are_reviewed_by_keys_from_image_to_image(tmp_path: Path, qapp: object) -> None:
    (tmp_path / "images").mkdir()
    labels = np.zeros((64, 64), np.int32)
    labels[5:15, 5:15], labels[40:50, 40:50] = 1, 2
    for name, light in (("a", 80), ("b", 90)):
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", (labels * light).astype(np.uint8))
    project = Project.create(tmp_path / "project", [tmp_path / "images"])[0]
    for entry in project.images:
        document = project.document(entry.id)
        document.apply(PasteLabels(labels, Window.whole((64, 64)), {1: FOUND, 2: FOUND}))
    project.close()

    def script(hand: Driver) -> None:
        session, walk, shift = hand.session, hand.session.object_walk, Qt.KeyboardModifier.ShiftModifier
        hand.wait(lambda: walk.total == 2, what="the objects")
        hand.key(Qt.Key.Key_Down, shift)
        assert session.view.selected == {1}
        hand.key(Qt.Key.Key_Return, shift)
        hand.key(Qt.Key.Key_Backspace, shift)
        hand.wait(
            lambda: session.document is not None and session.document.entry.name == "b.tif", what="the next image"
        )
        hand.wait(lambda: walk.current == 1, what="its first object")
        hand.key(Qt.Key.Key_Delete)
        hand.wait(lambda: walk.current == 2, what="the object after the deleted one")

    run_program([str(tmp_path / "project")], script)
    project = Project.open(tmp_path / "project")
    first, second = (project.document(entry.id).planes.objects for entry in project.images)
    assert {item: info.state for item, info in first.items()} == {1: "accepted", 2: "suspicious"}
    assert {item: info.state for item, info in second.items()} == {2: "unreviewed"}
    project.close()
