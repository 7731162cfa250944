"""The processor is called what its owner calls it."""

import platform

import pytest

from segstudio.jobs import processor
from segstudio.jobs.processor import model_in, processor_name, shortened


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "Intel Xeon Platinum 8481C"),
        ("AMD Ryzen 7 5800X 8-Core Processor   ", "AMD Ryzen 7 5800X"),
        ("Apple M2 Pro\n", "Apple M2 Pro"),
        ("", ""),
    ],
)
def test_trade_marks_and_clocks_are_left_out(told: str, shown: str) -> None:
    assert shortened(told) == shown


def test_the_model_is_found_in_what_linux_tells() -> None:
    assert model_in("processor\t: 0\nmodel\t\t: 85\nmodel name\t: AMD EPYC 7B13\nstepping : 0\n") == "AMD EPYC 7B13"
    assert model_in("processor\t: 0\nBogoMIPS\t: 50\n") == ""


def test_a_system_that_tells_nothing_gets_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    processor_name.cache_clear()
    for name in ("_from_linux", "_from_mac", "_from_windows"):
        monkeypatch.setattr(processor, name, str)
    assert processor_name() == (platform.processor() or platform.machine())
    processor_name.cache_clear()
