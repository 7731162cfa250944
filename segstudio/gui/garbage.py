"""Python's cyclic collector, on the thread of the window only, and never for so long that a hand would feel it."""

import gc
import math
import time
from typing import Final

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QCursor, QGuiApplication, QWindow

from segstudio.gui.later import later

_EVERY_MS: Final = 1_000
#: When the window stands and what it is made of will live as long as it does.
_SETTLED_MS: Final = 3_000
#: So many objects more than at the last look are no rubbish of the window: a dialog is a few thousand.
_DATA: Final = 10_000
#: After a collection that took so long, what it left is not looked through again.
_LONG_S: Final = 0.01
#: Between two looks at everything.
_ALL_EVERY_S: Final = 600.0
#: A look at everything that takes less may come when the hand rests; one that takes more when nobody is there.
_FELT_S: Final = 0.08
_RESTS_S: Final = 2.0
_GONE_S: Final = 60.0
#: Somebody works without moving the mouse; a key that is a shortcut comes as the second only.
_WORK: Final = frozenset({QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride, QEvent.Type.Wheel})


class GarbageCollector(QObject):
    """Runs Python's cyclic collector on the GUI thread only.

    Collected on another thread, a QObject dies there, and Qt programs crash (napari issue 1029, open since 2020).

    Notes
    -----
    A look through all that the program holds lasts a tenth of a second, and with an image of a hundred thousand objects
    a quarter. So what comes in thousands is left alone from the start: it is data, which goes with the last one who
    knows it, as an image that was left does. And so is what a longer look has found in use, as all of which the window
    is made.

    What is left alone together with data may be rubbish one day. So all is looked through at most once in ten minutes,
    if anything was left alone since: when nobody has been there for a minute, or, on a computer on which the last such
    look took less than 80 ms for as much, when the hand has rested for two seconds.
    """

    def __init__(self, parent: QGuiApplication) -> None:
        super().__init__(parent)
        gc.disable()
        self._app = parent
        self._hand = QPoint()
        self._all_seen = self._moved = self._counted = time.monotonic()
        self._left_alone = False
        self._cost = math.inf
        """Seconds for each object of a look at everything; not known before the first one."""
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(_EVERY_MS)
        parent.focusWindowChanged.connect(self._watch)
        self._watch(parent.focusWindow())
        later(self, self._settle, _SETTLED_MS)

    def _watch(self, window: QWindow | None) -> None:
        if window is not None:
            window.installEventFilter(self)  # it has the keys before any widget, and few other events

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note that somebody works; a mouse that moves is seen anyway."""
        if event.type() in _WORK:
            self._moved = time.monotonic()
        return False

    @staticmethod
    def _settle() -> None:
        if gc.get_count()[0] <= _DATA:
            gc.collect()
        gc.freeze()

    def _tick(self) -> None:
        self._feel()
        self._collect()
        if self._all_due():
            self._look_at_all()

    def _feel(self) -> None:
        hand, pressed = QCursor.pos(), QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        here = self._app.applicationState() == Qt.ApplicationState.ApplicationActive
        if here and (pressed or hand != self._hand):
            self._moved = time.monotonic()
        self._hand = hand

    def _collect(self) -> None:
        counts, limits = gc.get_count(), gc.get_threshold()
        due = next((generation for generation in (2, 1, 0) if counts[generation] > limits[generation]), None)
        if counts[0] > _DATA:
            self._leave_alone()
        elif due is not None:
            begun = time.thread_time()
            gc.collect(due)
            if time.thread_time() - begun > _LONG_S:
                self._leave_alone()

    def _leave_alone(self) -> None:
        gc.freeze()
        self._left_alone = True

    def _all_due(self) -> bool:
        now = time.monotonic()
        if not self._left_alone or now < self._all_seen + _ALL_EVERY_S or now < self._moved + _RESTS_S:
            return False
        if now >= self._moved + _GONE_S:
            return True
        if self._cost == math.inf or now < self._counted + _GONE_S:  # to count them takes a tenth of looking at them
            return False
        self._counted = now
        return gc.get_freeze_count() * self._cost < _FELT_S

    def _look_at_all(self) -> None:
        gc.unfreeze()
        begun = time.thread_time()
        gc.collect()
        took = time.thread_time() - begun
        gc.freeze()
        self._cost = took / max(1, gc.get_freeze_count())
        self._all_seen = time.monotonic()
        self._left_alone = False
