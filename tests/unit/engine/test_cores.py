"""How many cores torch computes on: all, a share, or what the environment says."""

import psutil
import pytest
import torch

from segstudio.engine.devices import use_all_cores

CPU = torch.device("cpu")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of threads that torch is asked for, on a computer of six cores."""
    numbers: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _self: list(range(6)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    return numbers


def test_a_job_computes_on_all_cores(asked: list[int]) -> None:
    use_all_cores(CPU)
    assert asked == [6]


def test_who_shares_a_computer_may_say_how_many(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    use_all_cores(CPU)
    assert asked == []


def test_processes_of_a_launcher_share_the_cores_though_it_gives_each_one(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    use_all_cores(CPU)
    assert asked == [2]
