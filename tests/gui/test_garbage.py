"""Garbage is collected on the window's thread, and is never so much that the window would wait for it."""

import gc
import weakref
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
import tifffile
from factories import cells
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCursor, QGuiApplication, QWindow
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.gui import garbage
from segstudio.gui.garbage import GarbageCollector
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
    rows: list[list[int]] = [[] for _ in range(2 * garbage._DATA)]
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
    monkeypatch.setattr(garbage, "_LONG_S", -1.0)
    left_alone = gc.get_freeze_count()
    collector._collect()
    assert looks == [0]
    assert gc.get_freeze_count() - left_alone >= len(kept)
    collector.deleteLater()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time of the collector as the only item of a list."""
    now = [1000.0]
    monkeypatch.setattr(garbage.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def window(qapp: QGuiApplication) -> Iterator[QWindow]:
    made = QWindow()
    yield made
    made.close()  # or the next program would not end
    made.deleteLater()


@pytest.mark.parametrize(("cost", "rest_s"), [(0.0, garbage._RESTS_S), (1.0, garbage._GONE_S), (inf, garbage._GONE_S)])
def test_all_is_looked_through_when_the_hand_rests_and_much_when_nobody_is_there(
    qapp: QGuiApplication,
    looks: list[int],
    clock: list[float],
    monkeypatch: pytest.MonkeyPatch,
    window: QWindow,
    cost: float,
    rest_s: float,
) -> None:
    monkeypatch.setattr(qapp, "applicationState", lambda: Qt.ApplicationState.ApplicationActive)
    collector = GarbageCollector(qapp)
    collector._cost = cost
    window.show()
    window.requestActivate()
    assert QTest.qWaitForWindowActive(window)
    knots = [Knot() for _ in range(2 * garbage._DATA)]
    known = weakref.ref(knots[0])
    collector._tick()
    del knots
    for second in range(1400):  # somebody works, with the mouse and then with keys
        clock[0] += 1
        if second < 700:
            QCursor.setPos(QCursor.pos() + QPoint(1 if second % 2 else -1, 0))
        else:
            QTest.keyClick(window, Qt.Key.Key_B)
        collector._tick()
    assert 2 not in looks
    for _ in range(round(rest_s)):
        assert known() is not None
        clock[0] += 1
        collector._tick()
    assert looks.count(2) == 1
    assert known() is None
    for _ in range(3000):
        clock[0] += 1
        collector._tick()
    assert looks.count(2) == 1, "nothing was left alone since"
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
    monkeypatch.setattr(GarbageCollector, "_tick", lambda _: None)

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
