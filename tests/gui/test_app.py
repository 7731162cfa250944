"""The program as a process: what it does while nobody has clicked yet."""

import os
import subprocess
import sys
from pathlib import Path

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


def test_the_waiting_window_imports_what_the_first_image_needs_but_only_after_it_stands(tmp_path: Path) -> None:
    homes = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HOME")
    surroundings = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **dict.fromkeys(homes, str(tmp_path))}
    done = subprocess.run(
        [sys.executable, "-c", WAITING],
        cwd=ROOT,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("early [] False left ")
    assert not done.stdout.endswith("left 0\n")
