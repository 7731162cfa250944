"""How often an experiment is repeated: at each merge, each night, for a release (``SEGSTUDIO_TIER``)."""

import os
import random
import threading
from collections.abc import Callable
from typing import Final

import pytest

TIERS: Final = ("merge", "nightly", "release")


@pytest.fixture(scope="session")
def tier() -> Callable[..., int]:
    """Return a function that picks the count of the tier that runs: ``tier(merge=20, nightly=500, release=2000)``."""
    name = os.environ.get("SEGSTUDIO_TIER", TIERS[0])
    if name not in TIERS:
        pytest.fail(f"SEGSTUDIO_TIER is {name!r}; it is one of {', '.join(TIERS)}.")

    def pick(*, merge: int, nightly: int, release: int) -> int:
        return {"merge": merge, "nightly": nightly, "release": release}[name]

    return pick


@pytest.fixture
def seed() -> int:
    """Return what random cases are drawn from; another one with ``SEGSTUDIO_SEED``, which a failure names."""
    value = os.environ.get("SEGSTUDIO_SEED")
    return int(value) if value else random.SystemRandom().randrange(1 << 32) if _explores() else 4


def _explores() -> bool:
    """Whether new cases are looked for; a merge runs the same ones each time, so that it fails for its own change."""
    return os.environ.get("SEGSTUDIO_TIER", TIERS[0]) != TIERS[0]


@pytest.fixture(autouse=True)
def _threads_of_the_dead_end_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a stand-in for a killed program end its threads with ``SystemExit``, as Python itself does."""
    tell = threading.excepthook
    monkeypatch.setattr(
        threading, "excepthook", lambda args: None if issubclass(args.exc_type, SystemExit) else tell(args)
    )
