"""``segstudio bake-off`` as a user types it; other processes stand in for the engine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bake_off_records import scored
from bake_off_stand_ins import TRAINING, WORKER
from factories import write_splits

from segstudio.cli.bake_off_table import report_of
from segstudio.cli.main import main
from segstudio.jobs import run_lock
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.session.bake_off_record import read_record
from segstudio.session.bake_off_result import JUDGES


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    training, worker = tmp_path / "training.py", tmp_path / "worker.py"
    training.write_text(TRAINING)
    worker.write_text(WORKER)
    monkeypatch.setattr(
        "segstudio.jobs.run_process.worker_command", lambda *words: [sys.executable, str(training), words[-1]]
    )
    monkeypatch.setattr("segstudio.jobs.warm_worker.worker_command", lambda *words: [sys.executable, str(worker)])
    names = ("good", "fair", "poor", "same", "alike", "breaks")
    store_catalogue(
        Catalogue(
            key=catalogue_key(),
            formulations=tuple(Offer(name=name, title=name) for name in names),
            architectures=(Offer(name="net", title="Net"),),
        )
    )
    write_splits(tmp_path / "data", 2, 6, shape=(32, 32))
    return tmp_path / "data"


def compare(data: Path, *words: str) -> int:
    return main(["bake-off", str(data), "--out", str(data.parent / "out"), *words])


def test_the_table_names_the_winner_and_why_one_failed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(data, "--minutes", "2", "--candidates", "fair:net,breaks:net,good:net") == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines() if ":net" in line]
    assert [line[0] for line in lines[:3]] == ["good:net", "fair:net", "breaks:net"]
    assert "failed: The memory did not suffice." in out
    assert "good:net wins on these images: AP 0." in out
    assert "6 validation images" in out
    assert "3 candidates, 2 min each" in err


def test_the_same_command_goes_on_and_takes_up_more_candidates(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(data, "--total-minutes", "4", "--candidates", "fair:net,good:net", "--quiet") == 0
    record = data.parent / "out" / "bake-off.json"
    first = read_record(record)
    assert first.minutes == 2
    capsys.readouterr()
    assert compare(data, "--minutes", "2", "--candidates", "fair:net,good:net,poor:net", "--json") == 0
    out, err = capsys.readouterr()
    assert "1 candidate, 2 min each" in err
    report = json.loads(out)
    assert [row["candidate"] for row in report["candidates"]] == ["good:net", "fair:net", "poor:net"]
    assert report["winner"] == "good:net"
    assert report["candidates"][1]["behind"] > 0
    assert report["candidates"][1]["told_apart"] is True
    second = read_record(record)
    assert second.rows[:2] == first.rows  # not trained again
    assert compare(data, "--json") == 0  # without a list: what is there
    assert json.loads(capsys.readouterr().out) == report


def test_nobody_wins_when_nothing_can_be_told_apart(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The names are those of candidates of equal strength: the process that scores knows neither.
    assert compare(data, "--minutes", "2", "--candidates", "same:net,alike:net", "--quiet", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["winner"] is None
    assert [row["candidate"] for row in report["candidates"]] == ["same:net", "alike:net"]
    assert "cannot be told apart" in report["verdict"]
    assert compare(data) == 0
    assert "ahead, not apart" in capsys.readouterr().out


@pytest.mark.parametrize(("images", "few"), [(5, True), (6, False)])
def test_programs_are_told_which_intervals_not_to_believe(tmp_path: Path, images: int, few: bool) -> None:
    report = report_of(scored([9] * images, [5] * images), JUDGES[0], tmp_path)
    assert [row["too_few_images"] for row in report["candidates"]] == [few, few]


def test_other_conditions_are_no_going_on(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(data, "--minutes", "2", "--candidates", "fair:net,good:net", "--quiet") == 0
    capsys.readouterr()
    assert compare(data, "--minutes", "3") == 2
    assert "2 minutes for each candidate, not 3" in capsys.readouterr().err
    assert compare(data, "--training.seed", "4") == 2
    assert "other settings" in capsys.readouterr().err


def test_what_cannot_start_says_why(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = data.parent / "out"
    assert compare(data, "--candidates", "good:nothing,fair:net") == 2
    assert "no network called 'nothing'" in capsys.readouterr().err
    assert compare(data, "--candidates", "good:net") == 2
    assert "needs two or more" in capsys.readouterr().err
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert compare(data, "--candidates", "good:net,fair:net") == 2
    assert "is not empty" in capsys.readouterr().err


def test_two_commands_do_not_work_on_one_folder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(data, "--candidates", "breaks:net,good:net", "--quiet") == 0
    capsys.readouterr()
    lock = data.parent / "out" / "bake-off.lock"
    code = f"from pathlib import Path; from segstudio.jobs import run_lock; run_lock.take(Path({str(lock)!r})); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        while run_lock.is_free(lock):
            assert other.poll() is None
        assert compare(data, "--quiet") == 2
        assert "Another program works on the comparison" in capsys.readouterr().err
    finally:
        other.communicate(b"\n")
