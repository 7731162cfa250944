"""How many cases a night judges, and that it ends."""

import os
import subprocess
import sys
from pathlib import Path

from reliability.cases import Cases

_TESTS = Path(__file__).resolve().parents[2]
#: Two experiments whose cases take a tenth of a second each.
_NIGHT = """
import time
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_that_takes_long(cases, number):
    for _ in cases(merge=1, nightly=100_000, release=100_000, each=5):
        time.sleep(0.1)
"""


def _pick(*, merge: int, nightly: int, release: int) -> int:
    return nightly


def test_all_cases_are_counted_when_there_is_time() -> None:
    cases = Cases(_pick, float("inf"))
    assert list(cases(merge=1, nightly=3, release=9, each=10)) == [0, 1, 2]
    assert (cases.judged, cases.wanted) == (30, 30)


def test_when_the_time_is_over_one_round_was_judged_all_the_same() -> None:
    cases = Cases(_pick, float("-inf"))
    assert list(cases(merge=1, nightly=3, release=9)) == [0]
    assert (cases.judged, cases.wanted) == (1, 3)


def test_a_case_that_fails_was_not_judged() -> None:
    cases = Cases(_pick, float("inf"))
    drawn = cases(merge=1, nightly=3, release=9)
    assert (next(drawn), next(drawn)) == (0, 1)  # the second one fails
    drawn.close()
    assert cases.judged == 1


def test_a_short_night_ends_and_tells_how_far_it_came(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((_TESTS / "reliability" / "conftest.py").read_text("utf-8"), "utf-8")
    (tmp_path / "run.py").write_text((_TESTS / "reliability" / "run.py").read_text("utf-8"), "utf-8")
    (tmp_path / "test_long.py").write_text(_NIGHT, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    words = ["nightly", "--only", "test_long", "--minutes", "0.02", "--seed", "7"]
    told = subprocess.run(
        [sys.executable, str(tmp_path / "run.py"), *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = told.stdout.splitlines()
    assert first == "seed 7"
    assert "of 1,000,000: the time was over" in second
    count = int(second.split()[2].replace(",", ""))
    assert 10 <= count < 1_000  # both tests were begun
    assert count % 5 == 0
