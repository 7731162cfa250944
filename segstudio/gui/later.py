"""Something that is done when control is back in the event loop."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


def later(owner: QObject, call: Callable[[], object], milliseconds: int = 0) -> None:
    """Call `call` once, after so long, unless `owner` is gone by then.

    Notes
    -----
    In the place of ``QTimer.singleShot`` with a receiver: PySide does not look at what its call raises, and the error
    comes up in whatever Python does next, under another name and in a function that has done nothing wrong.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.timeout.connect(lambda: timer.deleteLater())  # PySide never frees what it notes of a method of Qt's own
    timer.timeout.connect(call)
    timer.start(milliseconds)
