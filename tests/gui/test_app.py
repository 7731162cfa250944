"""The program as a process: what it does while nobody has clicked yet."""

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from window_driver import Driver, run_program

ROOT = Path(__file__).resolve().parents[2]

WAITING = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from segstudio.gui import app

AHEAD = ("pyqtgraph", "scipy.sparse.csgraph")
early = []


def look(window, left=300):
    if not early:
        early.append([name for name in AHEAD if name in sys.modules])
    if left == 0 or all(name in sys.modules for name in AHEAD):
        print("early", early[0], "torch" in sys.modules, "left", left)
        window.close()
    else:
        QTimer.singleShot(100, lambda: look(window, left - 1))


class Watched(app.MainWindow):
    def showEvent(self, event):
        super().showEvent(event)
        QTimer.singleShot(0, lambda: look(self))


app.MainWindow = Watched
raise SystemExit(app.main([]))
"""


SHOWING = """
import sys

from PySide6.QtCore import Qt
from window_driver import run_program

from segstudio.jobs.messages import Metric


def script(hand):
    hand.wait(lambda: hand.session.document is not None, what="the first image")
    canvas, session = hand.window.canvas, hand.session

    def shades():
        shot = canvas.grab().toImage()
        return {shot.pixelColor(x, shot.height() // 2).lightness() for x in range(0, shot.width(), 2)}

    hand.wait(lambda: len(shades()) > 30, what="the picture")
    before = session.objects.ids()
    hand.open_image("nuclei-10.png")
    hand.key(Qt.Key.Key_B)
    hand.drag([(60, 60), (70, 64), (80, 60)])
    hand.wait(lambda: session.objects.ids() and not canvas._loader.waiting(), what="the label")
    for step in (0, 1, 2, 3):
        hand.window.show_step(step)
    session.jobs.curves.add("a", Metric(epoch=1, step=1, elapsed_s=1, values={"train_loss": 1.0, "val_f1": 0.5}))
    session.jobs.curves.show(["a"])
    hand.window.show_drawer(1)
    hand.wait(hand.window.curves.plotted, what="the curve")
    print(len(before), "objects, then", len(session.objects.ids()), hand.window.curves.plotted())
    print("heavy", sorted({"torch", "torchvision"} & sys.modules.keys()))


run_program([sys.argv[1]], script)
"""


def run(program: str, home: Path, *arguments: str) -> str:
    """Run a program in a process of its own with `home` for its settings; return what it printed."""
    homes = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HOME")
    surroundings = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **dict.fromkeys(homes, str(home))}
    surroundings["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_waiting_window_imports_what_the_first_image_needs_but_only_after_it_stands(tmp_path: Path) -> None:
    said = run(WAITING, tmp_path)
    assert said.startswith("early [] False left ")
    assert not said.endswith("left 0\n")


@pytest.mark.timeout(100)
def test_the_window_that_has_shown_an_image_a_label_and_a_curve_has_not_imported_torch(tmp_path: Path) -> None:
    project = tmp_path / "cells"
    shutil.copytree(ROOT / "resources" / "samples", project)
    assert run(SHOWING, tmp_path / "home", str(project)).splitlines() == [
        "20 objects, then 1 ['training']",
        "heavy []",
    ]


def test_what_was_there_before_the_window_is_not_looked_through_while_somebody_works() -> None:
    before: list[object] = [[]]
    gc.collect()
    looked_at: list[bool] = []

    def script(_hand: Driver) -> None:
        looked_at.append(any(item is before for item in gc.get_objects()))

    assert any(item is before for item in gc.get_objects())
    run_program([], script)
    assert looked_at == [False]
    assert any(item is before for item in gc.get_objects()), "and then it is, as before"
