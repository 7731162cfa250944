"""Works in the real program by a fixed script and notes each finished action; run by `kill_sweep.py`, which kills it.

Arguments: deed, project folder, log file, number of actions. Deeds: ``paint`` in an open project, ``draw`` there
without taking a mask, ``open`` it and bring back what a crash left, ``migrate`` it, which an earlier version wrote, by
changing its name, ``create`` it of the images beside. Lines of the log: 0 when opening or creating begins; number,
digest of all images, digests of the label plane of each when an action is finished; its number alone when it must
survive from now on. Without arguments it reads such from standard input, as JSON with the environment before, and
starts the program for each line.
"""

import itertools
import json
import os
import random
import signal
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.app import import_ahead, main
from segstudio.gui.main_window import MainWindow
from segstudio.labels.history import Planes
from segstudio.project.changes import SAVED
from segstudio.project.project import Project

_BETWEEN_MS = 15
#: An action must survive when the program has run for so long since: beats of its own clock, of so many milliseconds.
#: On a busy computer the program gets less of each second, and so do the threads that save.
_BEATS, _BEAT_MS = 10, 25
_PATIENCE_S = 60
#: Images that are painted, and one that gets its labels from a mask while it is in front.
IMAGES = ("a", "b", "c")
MASKED = "c"
#: What a project of an earlier version is called when it is saved again.
LATER = "later"


def digest(planes: Planes) -> int:
    """Return a number that any other pixel, class or source would change."""
    table = sorted((key, info.class_id, info.source, info.state) for key, info in planes.objects.items())
    pixels = zlib.crc32(planes.labels.to_array().tobytes(), zlib.crc32(planes.regions.to_array().tobytes()))
    return zlib.crc32(repr(table).encode(), pixels)


def digest_of_all(digests: dict[str, int]) -> int:
    """Return one number for the digests of all images."""
    return zlib.crc32(repr(sorted(digests.items())).encode())


def wait_until(reached: Callable[[], object]) -> None:
    """Let the program go on until something is so; end it when that takes too long."""
    end = time.monotonic() + _PATIENCE_S
    while not reached():
        if time.monotonic() > end:
            sys.stderr.write("The program does not get on.\n")
            os._exit(3)
        QTest.qWait(5)


def the_window() -> MainWindow:
    """Return the window, once it is there."""
    windows: list[MainWindow] = []

    def found() -> bool:
        windows[:] = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow)]
        return bool(windows) and windows[0].isVisible()

    wait_until(found)
    return windows[0]


class Painter:
    """Does one action after the other with mouse and keys."""

    def __init__(self, window: MainWindow, seed: int, *, masks: bool) -> None:
        self._window = window
        self._masks = masks
        self._canvas = window.canvas
        self._random = random.Random(seed)
        self._camera = self._steady_camera()

    def actions(self) -> Iterator[None]:
        """Yield after each finished action."""
        strokes = (self._stroke, self._circle, self._stroke, self._erase, self._circle, self._undo)
        turns = itertools.cycle(("b", MASKED, "a"))
        for number, deed in enumerate(itertools.cycle(strokes)):
            deed()
            yield
            if number % 4 == 2:  # the files are being replaced while the next actions come, and while it is killed
                QTest.keyClick(self._window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
            if number % 7 == 6:
                image = next(turns)
                self._show(image)
                if image == MASKED and self._masks and self._take_mask():
                    yield

    def _show(self, name: str) -> None:
        session = self._window.session
        image_id = next(entry.id for entry in session.project.images if entry.stem == name)
        session.select(image_id)
        wait_until(lambda: session.document is not None and session.document.entry.id == image_id)
        wait_until(lambda: self._canvas.camera == self._camera)

    def _take_mask(self) -> bool:
        session = self._window.session
        document = session.document
        if not document.planes.blank:
            return False
        mask = session.project.folder.parent / "mask.tif"
        session.masks.take({document.entry.id: mask})
        wait_until(lambda: not document.planes.blank)
        return True

    def _steady_camera(self) -> object:
        camera = None
        while camera != self._canvas.camera:  # the same actions must hit the same pixels in every run
            camera = self._canvas.camera
            QTest.qWait(300)
        return camera

    def _stroke(self) -> None:
        self._window.session.view.tool = "brush"
        self._window.session.view.new_object()
        self._drag(Qt.MouseButton.LeftButton, self._walk(6))

    def _erase(self) -> None:
        self._window.session.view.tool = "erase"
        self._drag(Qt.MouseButton.LeftButton, self._walk(4))

    def _circle(self) -> None:
        x, y, r = self._random.uniform(40, 210), self._random.uniform(40, 210), self._random.uniform(8, 25)
        ring = [(x + r, y), (x + r, y + r), (x, y + r), (x - r, y + r), (x - r, y), (x - r, y - r), (x, y - r)]
        self._drag(Qt.MouseButton.RightButton, [*ring, (x + r, y - r), (x + r, y)])

    def _undo(self) -> None:
        QTest.keyClick(self._window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    def _walk(self, steps: int) -> list[tuple[float, float]]:
        x, y = self._random.uniform(30, 220), self._random.uniform(30, 220)
        path = [(x, y)]
        for _ in range(steps):
            x = min(max(x + self._random.uniform(-20, 20), 2), 250)
            y = min(max(y + self._random.uniform(-20, 20), 2), 250)
            path.append((x, y))
        return path

    def _drag(self, button: Qt.MouseButton, path: list[tuple[float, float]]) -> None:
        viewport = self._canvas.viewport()
        places = [QPoint(*(round(v) for v in self._canvas.camera.to_screen(x, y))) for x, y in path]
        QTest.mousePress(viewport, button, pos=places[0])
        for place in places[1:]:
            QTest.mouseMove(viewport, place)
            QTest.qWait(1)
        QTest.mouseRelease(viewport, button, pos=places[-1])


class Safe:
    """Notes of each finished action when it must survive."""

    def __init__(self, note: Callable[[list[object]], None]) -> None:
        self._note = note
        self._waiting: dict[int, int] = {}
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(_BEAT_MS)

    def finished(self, number: int) -> None:
        self._waiting[number] = _BEATS

    def _beat(self) -> None:
        for number in list(self._waiting):
            self._waiting[number] -= 1
            if self._waiting[number] < 0:  # the first beat may come at once
                del self._waiting[number]
                self._note([number])


def paint(log: Path, count: int, *, masks: bool = True) -> None:
    """Wait for the document, then paint; one image gets its labels from a mask, if wished."""
    window = the_window()
    session = window.session
    wait_until(lambda: session.document is not None)
    window.resize(1200, 800)
    digests = dict.fromkeys(IMAGES, digest(Planes.empty(session.document.planes.shape)))
    labels = dict.fromkeys(IMAGES, zlib.crc32(Planes.empty(session.document.planes.shape).labels.to_array().tobytes()))
    with log.open("ab", buffering=0) as file:

        def note(words: list[object]) -> None:
            file.write((json.dumps(words) + "\n").encode())

        safe, painter = Safe(note), Painter(window, seed=7, masks=masks)
        for number, _ in zip(range(1, count + 1), painter.actions(), strict=False):
            document = session.document
            digests[document.entry.stem] = digest(document.planes)
            labels[document.entry.stem] = zlib.crc32(document.planes.labels.to_array().tobytes())
            note([number, digest_of_all(digests), labels])
            safe.finished(number)
            QTest.qWait(_BETWEEN_MS)
    # A disk that has refused something and is well again has it all now; else the window asks before it closes.
    wait_until(lambda: session.document.save_state == SAVED and not session.project.rescued())
    window.close()


def note(log: Path, words: list[object]) -> None:
    """Write a line."""
    with log.open("ab", buffering=0) as file:
        file.write((json.dumps(words) + "\n").encode())


def note_begin(log: Path, name: str) -> None:
    """Write 0 when the program begins to open or to create a project."""
    real = getattr(Project, name)

    def noted(*words: object, **options: object) -> object:
        note(log, [0])
        return real(*words, **options)

    setattr(Project, name, staticmethod(noted))


def recover(log: Path) -> None:
    """Wait until nothing is behind any more."""
    window = the_window()
    wait_until(lambda: window.session.document is not None and not window.session.project.behind)
    note(log, [1, 0, {}])
    window.close()


def migrate(folder: Path, log: Path) -> None:
    """Change the name of a project that an earlier version wrote: it is then one of this version."""
    window = the_window()
    wait_until(lambda: window.session.document is not None)
    window.session.project.set_name(LATER)
    window.session.project.save()
    wait_until(lambda: not window.session.project.behind)
    assert LATER in (folder / "project.json").read_text()
    note(log, [1, 0, {}])
    window.close()


def create(folder: Path, log: Path) -> None:
    """Make a project of the images beside its folder, with their masks."""
    window = the_window()
    window.session.create_project(folder, [folder.parent / "images"], import_masks=True)
    wait_until(lambda: window.session.document is not None)
    note(log, [1, 0, {}])
    window.close()


def start(deed: str, project: str, log: str, count: int) -> int:
    """Start the program and work in it; return its exit code."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    deeds = {
        "paint": lambda: paint(Path(log), count),
        "draw": lambda: paint(Path(log), count, masks=False),
        "open": lambda: recover(Path(log)),
        "migrate": lambda: migrate(Path(project), Path(log)),
        "create": lambda: create(Path(project), Path(log)),
    }
    if deed in ("open", "migrate", "create"):
        note_begin(Path(log), "create" if deed == "create" else "open")
    QTimer.singleShot(0, deeds[deed])
    return main([] if deed == "create" else [project])


def start_often() -> int:
    """Start the program for each line, in a process that has imported everything; answer with the number of that."""
    import_ahead()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who is killed is gone at once
    for line in sys.stdin:
        environment, *arguments = json.loads(line)
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.environ.update(environment)
            return start(*arguments)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(start(*sys.argv[1:4], int(sys.argv[4])) if sys.argv[1:] else start_often())
