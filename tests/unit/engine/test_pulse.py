"""A worker that beats, rests, waits and stands still; how it ends is in the torture of workers."""

import threading
import time

import pytest

from segstudio.engine import pulse as pulse_module
from segstudio.engine.pulse import Pulse


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []

    monkeypatch.setattr(pulse_module, "_BEAT", 0.05)
    monkeypatch.setattr(pulse_module, "STILL_S", 0.6)
    monkeypatch.setattr(Pulse, "_watch_interpreter", lambda _pulse, _busy: None)
    monkeypatch.setattr(pulse_module, "_places", dict)
    monkeypatch.setattr(pulse_module, "_waits_for_disk", lambda: False)
    monkeypatch.setattr(pulse_module.os, "_exit", codes.append)  # and the thread goes on
    monkeypatch.setattr(pulse_module.faulthandler, "dump_traceback", lambda: None)
    return codes


def _beats_for(seconds: float, work: str, paused: bool = False) -> list[bool]:
    beats: list[bool] = []
    pulse = Pulse(beats.append)
    pulse.start()
    if work:
        pulse.work(lambda: paused)
    if work == "computes":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sum(range(1000))
    else:
        threading.Event().wait(seconds)
    pulse.close()
    return beats


def test_a_job_that_neither_computes_nor_moves_is_ended(quick: list[int]) -> None:
    assert True in _beats_for(2.0, "waits")
    assert set(quick) == {pulse_module.HUNG}


@pytest.mark.parametrize(("work", "paused"), [("", False), ("computes", False), ("waits", True)])
def test_who_waits_for_work_or_computes_or_was_paused_does_not_hang(quick: list[int], work: str, paused: bool) -> None:
    beats = _beats_for(2.0, work, paused)
    assert quick == []
    assert set(beats[1:]) <= {False, work == "computes"}  # the first one says that a job begins


def test_who_waits_for_a_disk_does_not_hang(quick: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse_module, "_waits_for_disk", lambda: True)
    _beats_for(2.0, "waits")
    assert quick == []
