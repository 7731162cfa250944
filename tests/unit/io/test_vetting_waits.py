"""Who asks for an unknown file while all processes read waits for one of them, and no more are started."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from segstudio.io import vetting
from segstudio.io.vetting import Vetting


class Process:
    """Stands in for a process that reads files, each as long as it is not `answering`."""

    started = 0
    reading = 0
    most = 0
    answering = threading.Event()
    lock = threading.Lock()

    def __init__(self, command: list[str], memory: int) -> None:
        self.alive = True
        with Process.lock:
            Process.started += 1

    def ask(self, question: bytes, seconds: float) -> bytes:
        with Process.lock:
            Process.reading += 1
            Process.most = max(Process.most, Process.reading)
        assert Process.answering.wait(20)
        with Process.lock:
            Process.reading -= 1
        return b'{"whole": true}'

    def close(self) -> None:
        self.alive = False


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> None:
    Process.started = Process.reading = Process.most = 0
    Process.answering.clear()
    monkeypatch.setattr(vetting, "ConfinedProcess", Process)
    monkeypatch.setattr(vetting, "_PATIENCE_S", 0.02)


def until(reached: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_of_many_files_two_are_read_at_once_and_all_in_the_end(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.tif" for number in range(5)]
    for path in paths:
        path.write_bytes(path.name.encode())
    gates: list[object] = []
    asking = Vetting()
    threads = [threading.Thread(target=lambda path=path: gates.append(asking(path, indices=False))) for path in paths]
    for thread in threads:
        thread.start()
    until(lambda: Process.reading == 2)
    assert gates == []
    Process.answering.set()
    for thread in threads:
        thread.join(20)
    assert len(gates) == 5
    assert all(gate is not None for gate in gates)
    assert (Process.started, Process.most) == (2, 2)
    asking.close()


def test_what_is_not_there_is_told_by_who_opens_it(tmp_path: Path) -> None:
    asking = Vetting()
    assert asking(tmp_path / "nowhere.tif", indices=False) is None
    assert asking(tmp_path / "a\0.tif", indices=False) is None
    assert Process.started == 0
    asking.close()
