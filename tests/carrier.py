"""What carries calls of other threads to the test's own, as the window does, for as long as the test lasts."""

from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakSet

from PySide6.QtCore import QObject, Qt, Signal


class Carrier(QObject):
    """``Session(carrier.posted.emit)``: what background threads answer is called on the thread of the carrier."""

    posted = Signal(object)
    _made: ClassVar[WeakSet["Carrier"]] = WeakSet()

    def __init__(self) -> None:
        super().__init__()
        self._ended = False
        self.posted.connect(self._call, Qt.ConnectionType.QueuedConnection)
        self._made.add(self)

    @classmethod
    def end_all(cls) -> None:
        """Drop what still arrives: the widgets of a test are deleted before its session is closed."""
        for carrier in tuple(cls._made):
            carrier._ended = True

    def _call(self, call: Callable[[], Any]) -> None:
        if not self._ended:
            call()
