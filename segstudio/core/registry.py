"""A named list of plug-ins: found by scanning a package and by entry points; a broken one is listed, not raised."""

import importlib
import os
import pkgutil
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import Final, Generic, TypeVar

from segstudio.core.errors import WrongUsage

T = TypeVar("T")
#: Name of the variable that keeps plug-ins of other distributions away, as safe mode does.
NO_PLUG_INS: Final = "SEGSTUDIO_NO_PLUG_INS"
#: Characters of the reason why a plug-in is broken.
_LONGEST = 300


class Registry(Generic[T]):
    """Plug-ins of one kind by name.

    Parameters
    ----------
    kind
        What it holds, in words for messages: ``"formulation"``.
    package
        Dotted name of the package whose modules register themselves on import.
    entry_point_group
        Group in which other distributions offer theirs, or ``None``.
    check
        Called with each plug-in before it is offered; whatever it raises makes the plug-in a broken one.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        entry_point_group: str | None = None,
        check: Callable[[T], object] = lambda item: None,
    ) -> None:
        self.kind = kind
        self._package = package
        self._group = entry_point_group
        self._check = check
        self._items: dict[str, T] = {}
        self._broken: dict[str, str] = {}
        self._scanned = False
        self._scanning = threading.RLock()
        self._inside = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers a plug-in under `name`."""

        def add(item: T) -> T:
            if name in self._items:
                raise ValueError(f"Two plug-ins call themselves {self.kind} {name!r}.")
            self._items[name] = item
            return item

        return add

    def get(self, name: str) -> T:
        """Return the plug-in called `name`; raise `WrongUsage` naming the known ones."""
        self._scan()
        try:
            return self._items[name]
        except KeyError:
            known = ", ".join(sorted(self._items))
            reason = f" It is installed but broken: {self._broken[name]}" if name in self._broken else ""
            raise WrongUsage(
                f"There is no {self.kind} called {name!r}.{reason}",
                hint=f"Known are: {known}.",
                code=f"unknown-{self.kind}",
            ) from None

    def names(self) -> list[str]:
        """Return the sorted names of all working plug-ins."""
        self._scan()
        return sorted(self._items)

    def broken(self) -> dict[str, str]:
        """Return the reason for each plug-in that could not be imported."""
        self._scan()
        return dict(self._broken)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        self._scan()
        return iter(sorted(self._items.items(), key=lambda item: item[0]))

    def _scan(self) -> None:
        if self._scanned:
            return
        # Others wait until all are there: half a list would refuse what the program can do.
        with self._scanning:
            if self._scanned or self._inside:
                return
            self._inside = True
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                self._load(module.name, lambda name=module.name: _import(f"{self._package}.{name}"))  # type: ignore[misc]
            if self._group is not None and not os.environ.get(NO_PLUG_INS):
                for point in entry_points(group=self._group):
                    self._load(point.name, point.load)
                    if point.name not in self._items and point.name not in self._broken:
                        self._broken[point.name] = f"It was loaded, but registered no {self.kind} of this name."
            self._scanned, self._inside = True, False

    def _load(self, name: str, load: Callable[[], object]) -> None:
        before = set(self._items)
        try:
            load()
            for new in set(self._items) - before:
                self._check(self._items[new])
        # One broken plug-in must not take the program down, not even by leaving it.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            for new in set(self._items) - before:
                self._broken[new] = _reason(error)
                del self._items[new]
            self._broken[name] = _reason(error)


def refuse_unfit(kind: object, base: type) -> None:
    """Raise ``TypeError`` unless `kind` is a whole `base` with a title and a description: what every list shows."""
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise TypeError(f"{kind!r} is no {base.__name__}.")
    if lacking := ", ".join(sorted(getattr(kind, "__abstractmethods__", ()))):
        raise TypeError(f"{kind.__name__} lacks {lacking}.")
    for name in ("title", "description"):
        if not isinstance(getattr(kind, name, None), str):
            raise TypeError(f"{kind.__name__} has no {name}.")


def _reason(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"[:_LONGEST]


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)
