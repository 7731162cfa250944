"""Files of a stranger's project that are too large, or too deep, are told or passed over, and never taken whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from segstudio.config.preferences import Preferences
from segstudio.core.errors import BadInput, BadModel
from segstudio.engine.prediction.result_files import is_result
from segstudio.io import json_file
from segstudio.io.json_file import TooLarge, json_content, limited_bytes
from segstudio.io.preferences_file import read_preferences
from segstudio.jobs.channel import LineTail
from segstudio.jobs.dead_worker import last_lines
from segstudio.jobs.evaluation import read_evaluation
from segstudio.jobs.messages import Finished, to_line
from segstudio.jobs.model_folder import card_content
from segstudio.jobs.process_note import ProcessNote
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_name import run_name
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.session.bake_off_record import read_record
from segstudio.session.runs import read_runs

DEEP = b'{"a":' * 100_000


def _large(path: Path) -> None:
    """Make a file that says it is larger than all that is read; it takes no room on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b'{"name": "')
        file.truncate(json_file.LIMIT + 20)


def _deep(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(DEEP)


MAKE = pytest.mark.parametrize("make", [_large, _deep])


def _run(folder: Path) -> RunFolder:
    job = TrainJob(job_id="1", name="Good", run_folder=folder, samples=(), classes=(ClassSpec(id=1, name="cell"),))
    return RunFolder.create(job)


@MAKE
def test_a_training_with_such_a_job_is_named_and_the_others_are_listed(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    _run(tmp_path / "good")
    make(tmp_path / "bad" / "job.json")
    runs, problems = read_runs(tmp_path)
    assert [run.name for run in runs] == ["Good"]
    (problem,) = problems
    assert "job.json" in str(problem)
    assert "\n" not in problem.message
    assert run_name(tmp_path / "bad") == "bad"


def test_events_are_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.jobs.channel.LIMIT", 100)
    line = to_line(Finished(outcome="done")).encode() + b"\n"
    assert len(line) < 100
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * 250 + b"\n" + line)
    tail = LineTail(path)
    found = [item for _ in range(6) for item in tail.read()]
    assert found[-1] == line[:-1], "what follows a line that is too long is read"
    assert max(map(len, found)) <= 100


def test_of_very_many_events_those_in_the_middle_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path)
    for number in range(50):
        run.append(Finished(outcome="stopped" if number == 49 else "done", time=number))
    monkeypatch.setattr("segstudio.jobs.events_file._PIECE", 400)
    assert [message.time for message in run.events()] == list(range(50))
    monkeypatch.setattr("segstudio.jobs.events_file._MOST", 2000)
    times = [message.time for message in run.events()]
    assert times == sorted(set(times))
    assert (times[0], times[-1], run.status) == (0, 49, "stopped")
    assert 20 < len(times) < 35


def test_only_the_end_of_a_long_log_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.jobs.dead_worker._END", 20)
    log = tmp_path / "log.txt"
    log.write_text("first\n" * 100 + "one\nlast\n", encoding="utf-8")
    assert last_lines(log).splitlines()[-2:] == ["one", "last"]
    assert len(last_lines(log)) <= 20
    assert last_lines(tmp_path / "none.txt") == ""


@MAKE
def test_a_card_is_told(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "model.json")
    with pytest.raises(BadModel, match=r"model\.json cannot be used: it is (too large|not the card of a model)\."):
        card_content(tmp_path)


@MAKE
def test_a_comparison_is_told(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "record.json")
    with pytest.raises(BadInput, match=r"The comparison in record\.json"):
        read_record(tmp_path / "record.json")


@MAKE
def test_what_can_be_made_again_is_passed_over(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    make(path)
    assert read_evaluation(path) is None
    assert ProcessNote.read(path) is None
    assert read_preferences(path) == Preferences()
    assert not is_result(path.with_suffix(".tif"))


def test_a_file_at_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a": 1}')
    assert json_content(path, 8) == {"a": 1}
    with pytest.raises(TooLarge, match="larger than"):
        limited_bytes(path, 7)
