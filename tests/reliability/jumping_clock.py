"""A clock of the computer that is set: what the program reads from it, and what files say was their time."""

import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from types import ModuleType

import pytest

import segstudio.io
import segstudio.labels
import segstudio.project
from segstudio.io.disk import Disk

_STORE = (segstudio.project, segstudio.io, segstudio.labels)


class Clock:
    """Shows `now`, seconds since 1970, to everything that stores labels; what a time means is worked out for real."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 0
        clock = self

        class Shown(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return datetime.fromtimestamp(clock.now, tz)

        readers = [module for module in _modules() if vars(module).get("datetime") is datetime]
        assert readers, "nothing that stores labels reads a clock: this shows nothing"
        for module in readers:
            patch.setattr(module, "datetime", Shown)
        patch.setattr(time, "time", lambda: float(clock.now))
        patch.setattr(time, "time_ns", lambda: clock.now * 10**9)


def _modules() -> Iterator[ModuleType]:
    for package in _STORE:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield sys.modules.get(found.name) or importlib.import_module(found.name)


class DatedDisk(Disk):
    """The real disk; its files bear the time that a clock shows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paths: dict[int, Path] = {}

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._paths[descriptor] = path
        return descriptor

    def close(self, descriptor: int) -> None:
        path = self._paths.pop(descriptor, None)
        super().close(descriptor)
        if path is not None:
            os.utime(path, (self._clock.now, self._clock.now))
