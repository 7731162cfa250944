import io
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segstudio.jobs.channel import LineTail, MessageWriter, parsed, read_lines
from segstudio.jobs.messages import LINE_LIMIT, Finished, Metric, from_line, to_line


def test_a_message_survives_the_channel() -> None:
    stream = io.BytesIO()
    MessageWriter(stream)(Finished(outcome="done", summary={"f1": 0.5}))
    stream.seek(0)
    assert [from_line(line) for line in read_lines(stream)] == [Finished(outcome="done", summary={"f1": 0.5})]


def test_garbage_and_giant_lines_are_skipped() -> None:
    good = b'{"kind": "finished", "outcome": "done"}'
    stream = io.BytesIO(os.urandom(1000).replace(b"\n", b"") + b"\n" + b"x" * (LINE_LIMIT + 5) + b"\n" + good + b"\n")
    assert [message.kind for message in parsed(read_lines(stream), from_line)] == ["finished"]


def test_the_tail_gives_whole_lines_only(tmp_path: Path) -> None:
    file = tmp_path / "events"
    tail = LineTail(file)
    assert tail.read() == []
    file.write_bytes(b"one\ntw")
    assert tail.read() == [b"one"]
    with file.open("ab") as stream:
        stream.write(b"o\nthree\n")
    assert tail.read() == [b"two", b"three"]
    assert tail.read() == []


def test_the_tail_takes_a_long_file_apart_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.jobs.channel._PIECE", 7)
    lines = [b"x" * length for length in (0, 3, 30, 6, 7, 8, 1)]
    file = tmp_path / "events"
    file.write_bytes(b"".join(line + b"\n" for line in lines) + b"half of one")
    tail = LineTail(file)
    assert tail.read() == lines
    with file.open("ab") as stream:
        stream.write(b" line\n")
    assert tail.read() == [b"half of one line"]


def test_prints_of_libraries_stay_out_of_the_messages(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from segstudio.jobs.channel import claim_stdout\n"
        f"stream = claim_stdout(Path({str(log)!r}))\n"
        "print('noise', flush=True)\nos.write(1, b'noise from C')\nprint('bad', file=sys.stderr)\n"
        "stream.write(b'message')\nstream.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"message"
    assert done.stderr == b""
    assert "noise from C" in log.read_text()


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_no_number_takes_no_other_with_it(figure: float) -> None:
    values = {"val_loss": figure, "val_f1": 0.5}
    metric = from_line(to_line(Metric(epoch=1, step=1, elapsed_s=1, values=values, best=True)))
    assert isinstance(metric, Metric)
    assert (metric.values, metric.best) == ({"val_f1": 0.5}, True)
    finished = from_line(to_line(Finished(outcome="done", summary={"psnr": figure, "steps": 3, "by": "a"})))
    assert isinstance(finished, Finished)
    assert finished.summary == {"steps": 3, "by": "a"}
