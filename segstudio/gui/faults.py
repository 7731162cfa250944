"""Where every exception that nobody caught ends, and every warning of Qt: in the log and one readable message."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

log = logging.getLogger("segstudio")

#: Faults that wait to be shown; one that is raised with each repaint must not fill the event loop.
_MOST_WAITING: Final = 100
#: Places of faults, or lines of Qt, that are known again.
_MOST_PLACES: Final = 200
#: Last calls before a fault that tell it from others.
_DEPTH: Final = 5
#: Longest line of a trace, characters: the text of an exception may hold a whole array, and with it an image.
_LONGEST: Final = 500
_LEVELS: Final = {
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class ErrorHook:
    """Every exception that nobody caught reaches the log and one readable message; the program lives on.

    What is raised at the same place again and again is written to the log in full once, then counted.

    Parameters
    ----------
    show
        Tells the user; called on the GUI thread.
    post
        Hands a callable to the GUI thread, from any thread.
    """

    def __init__(self, show: Callable[[BaseException], None], post: Callable[[Callable[[], None]], None]) -> None:
        self._show = show
        self._post = post
        self._before = sys.excepthook, threading.excepthook, sys.unraisablehook
        self._counts: dict[str, int] = {}
        self._waiting = 0

    def install(self) -> None:
        """Take over from Python's own hooks."""
        sys.excepthook = self._on_exception
        threading.excepthook = lambda args: self._on_exception(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )
        sys.unraisablehook = self._on_unraisable

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._before

    def _on_unraisable(self, args: Any) -> None:  # noqa: ANN401 - its type exists for type checkers only
        if args.exc_value is not None:
            log.error("In %r:", args.object)
            self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._post(QApplication.quit)
            return
        self._write(error, trace)
        _let_go(error)
        if self._waiting < _MOST_WAITING:
            self._waiting += 1
            cause = _cause(error)
            self._post(lambda: self._tell(cause))

    def _tell(self, error: BaseException) -> None:
        self._waiting -= 1
        self._show(error)

    def _write(self, error: BaseException, trace: TracebackType | None) -> None:
        place = place_of(error)
        if place not in self._counts and len(self._counts) >= _MOST_PLACES:
            self._counts.clear()
        count = self._counts[place] = self._counts.get(place, 0) + 1
        if count == 1:
            log.error(told(error, trace))
        elif str(count).strip("0") == "1":  # 10, 100, 1000 ...
            log.error("%s: raised %d times by now.", place, count)


def place_of(error: BaseException) -> str:
    """Return what makes a fault the same as another one: its kind, and the lines that led to it."""
    cause = _cause(error)
    lines = [f"{frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_tb(cause.__traceback__)]
    return f"{type(cause).__name__} at {' > '.join(lines[-_DEPTH:]) or 'an unknown place'}"


def _let_go(error: BaseException) -> None:
    """Free what the functions that raised still hold.

    A painter that lives on after its paint event is the end of a Qt program.
    """
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        traceback.clear_frames(following.__traceback__)
        following = following.__cause__ or following.__context__


def told(error: BaseException, trace: TracebackType | None = None) -> str:
    """Return the trace of `error` without lines that may hold data of an image."""
    cause, way = _cause(error), ""
    if cause is not error:  # the text of the wrapper tells the values of variables: only its trace is of use
        way = "Emitted at:\n" + "".join(traceback.format_tb(trace or error.__traceback__))
        trace = None
    text = way + "".join(traceback.format_exception(type(cause), cause, trace or cause.__traceback__))
    return "\n".join(line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …" for line in text.splitlines())


def title_of(error: BaseException) -> str:
    """Return kind and text of `error` in one line that is not too long."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:_LONGEST]}" if words else type(error).__name__


class QtMessages:
    """Writes to the log what Qt warns of, as an object that is touched on a thread not its own; each line once."""

    def __init__(self) -> None:
        self._written: set[str] = set()
        self._before: Any = None

    def install(self) -> None:
        """Take over; who listened before still hears everything."""
        self._before = qInstallMessageHandler(self._on_message)

    def remove(self) -> None:
        """Give the messages back."""
        qInstallMessageHandler(self._before)

    def _on_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        level = _LEVELS.get(kind)
        if level is not None and text not in self._written:
            if len(self._written) >= _MOST_PLACES:
                self._written.clear()
            self._written.add(text)
            log.log(level, "Qt: %s", text)
        if self._before is not None:
            self._before(kind, context, text)
        elif level is not None and sys.__stderr__ is not None:
            sys.__stderr__.write(f"{text}\n")


def _cause(error: BaseException) -> BaseException:
    """Return what really went wrong: psygnal wraps errors of callbacks in an `EmitLoopError`."""
    while type(error).__name__ == "EmitLoopError" and error.__cause__ is not None:
        error = error.__cause__
    return error
