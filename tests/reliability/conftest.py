"""How often an experiment is repeated: at each merge, each night, for a release (``SEGSTUDIO_TIER``).

A night may be shorter than what there is to do: ``SEGSTUDIO_MINUTES`` ends the drawing of new cases, and what was
judged until then is counted.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from reliability.cases import Cases

TIERS: Final = ("merge", "nightly", "release")
#: A test that draws cases hangs when it takes longer, seconds: in a merge and in a night.
LIMITS: Final = (3600, 12 * 3600)
_BEGUN = time.monotonic()


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
def cases(
    tier: Callable[..., int], request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[Cases]:
    """Give what counts the cases of a test: ``for number in cases(merge=20, nightly=500, release=2000)``.

    The tests of a file that draw cases share the minutes there are; what one leaves over is for those behind it.
    """
    minutes, end = os.environ.get("SEGSTUDIO_MINUTES"), float("inf")
    if minutes:
        items = [item for item in request.session.items if _draws(item)]
        behind = len(items) - items.index(request.node)
        now = time.monotonic()
        end = now + max(0.0, _BEGUN + 60 * float(minutes) - now) / behind
    counted = Cases(tier, end)
    yield counted
    record_property("count", counted.judged)
    record_property("wanted", counted.wanted)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those that draw cases take the time for it: the limit of all tests is made for one case."""
    for item in items:
        if _draws(item):
            item.add_marker(pytest.mark.timeout(LIMITS[_explores()]), append=False)


def _draws(item: pytest.Item) -> bool:
    return "cases" in getattr(item, "fixturenames", ())


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
