"""Garbage is collected on the window's thread, and is never so much that the window would wait for it."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import tifffile
from factories import cells
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from window_driver import Driver, run_program

from segstudio.gui import app
from segstudio.gui.app import GarbageCollector
from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("plugin does not support")


class Knot:
    """Rubbish that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def looks(qapp: QGuiApplication) -> Iterator[list[int]]:
    """Return a list that gets the generation of each collection."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            found.append(info["generation"])

    gc.disable()
    gc.collect()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_what_comes_in_thousands_is_never_looked_through(qapp: QGuiApplication, looks: list[int]) -> None:
    collector = GarbageCollector(qapp)
    left_alone = gc.get_freeze_count()
    rows: list[list[int]] = [[] for _ in range(2 * app._DATA)]
    collector._collect()
    assert gc.get_freeze_count() - left_alone >= len(rows)
    assert not looks
    for _ in range(gc.get_threshold()[0] + 1):
        Knot()
    collector._collect()
    assert looks == [0], "rubbish is still found"
    collector.deleteLater()


def test_what_a_long_look_has_found_in_use_is_looked_through_once(
    qapp: QGuiApplication, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = GarbageCollector(qapp)
    kept: list[list[int]] = [[] for _ in range(gc.get_threshold()[0] + 1)]
    monkeypatch.setattr(app, "_LONG_S", -1.0)
    left_alone = gc.get_freeze_count()
    collector._collect()
    assert looks == [0]
    assert gc.get_freeze_count() - left_alone >= len(kept)
    collector.deleteLater()


def test_all_is_looked_through_when_somebody_turns_away(
    qapp: QGuiApplication, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = GarbageCollector(qapp)
    knots = [Knot() for _ in range(2 * app._DATA)]
    known = weakref.ref(knots[0])
    collector._collect()
    del knots
    away = Qt.ApplicationState.ApplicationInactive
    collector._on_state(away)
    assert not looks, "not every time"
    monkeypatch.setattr(app, "_ALL_EVERY_S", -1.0)
    collector._on_state(Qt.ApplicationState.ApplicationActive)
    assert not looks, "not while somebody works"
    collector._on_state(away)
    assert looks == [2]
    assert known() is None
    collector.deleteLater()


def test_an_image_that_was_left_needs_no_collector(
    tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    made = cells((256, 256))
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", made.image if name == "a" else made.image + 1)
    project, _problems = Project.create(tmp_path / "project", tmp_path / "images")
    project.close()
    monkeypatch.setattr(GarbageCollector, "_collect", lambda _: None)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        left = []
        for name in ("a.tif", "b.tif", "a.tif", "b.tif"):
            hand.open_image(name)
            hand.key(Qt.Key.Key_B)
            hand.drag([(100, 100), (120, 120)])
            hand.action("edit.undo")
            left.append(weakref.ref(hand.session.document))
        # The last one that was left is known until another image is opened: its disk may still be slow.
        hand.wait(lambda: all(known() is None for known in left[:2]), what="the images that were left to go")

    run_program([str(tmp_path / "project")], script)
