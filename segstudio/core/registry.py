"""A named list of plug-ins: found by scanning a package and by entry points; a broken one is listed, not raised."""

import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import Generic, TypeVar

from segstudio.core.errors import WrongUsage

T = TypeVar("T")


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
    """

    def __init__(self, kind: str, package: str, entry_point_group: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._group = entry_point_group
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
            if self._group is not None:
                for point in entry_points(group=self._group):
                    self._load(point.name, point.load)
            self._scanned, self._inside = True, False

    def _load(self, name: str, load: Callable[[], object]) -> None:
        try:
            load()
        except Exception as error:  # noqa: BLE001 - one broken plug-in must not take the program down
            self._broken[name] = f"{type(error).__name__}: {error}"


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)
