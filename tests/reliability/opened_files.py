"""Opens hostile files in processes of their own and tells what became of each; see `file_runner`."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segstudio.core.errors import BadInput
from segstudio.io.labels_import import read_labels
from segstudio.io.sources import gate_at_door
from segstudio.io.vetting import Vetting

#: Bytes that a process may take beyond its libraries.
MEMORY = 2_000_000_000
SECONDS = 10
_RUNNER = Path(__file__).with_name("file_runner.py")


@dataclass
class Report:
    """What became of files: their number by outcome, and everything that must not be."""

    outcomes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    slowest: float = 0.0
    killed: int = 0
    """Images that end or hang a process without a net. The window has one: they must be refused there."""

    @property
    def total(self) -> int:
        """Files that were opened, or tried."""
        return sum(self.outcomes.values()) + self.killed


def open_files(kinds: str, source: str, count: int, folder: Path, *, first: int = 0) -> Report:
    """Open `count` files of `kinds` from number `first` on (see `file_runner`), anew behind one that ends a process."""
    report, at, end = Report(), first, first + count
    for attempt in range(count + 1):
        place = folder / f"attempt-{attempt}"
        place.mkdir(parents=True)
        words = (kinds, at, end - at, place, MEMORY, source)
        done = subprocess.run(
            [sys.executable, "-P", str(_RUNNER), *map(str, words)],
            cwd=place,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        told, begun = ([line for line in lines if ("outcome" in line) == over] for over in (True, False))
        for line in told:
            _judge(report, line)
        at += len(told)
        if done.returncode == 0:
            return report
        said = done.stderr[-1500:].decode("utf-8", "replace")
        if len(begun) == len(told):
            report.problems.append(f"{kinds}: the process did not begin: {said}")
            return report
        at += 1
        _take_death(report, begun[-1], f"({done.returncode}): {said}")
    return report


def _judge(report: Report, line: dict[str, Any]) -> None:
    report.outcomes[line["outcome"]] = report.outcomes.get(line["outcome"], 0) + 1
    report.slowest = max(report.slowest, line["seconds"])
    for name in ("crash", "events", "words"):
        if name in line:
            report.problems.append(f"{line['file']}: {name}: {line[name]}")
    if line["seconds"] > SECONDS:
        report.problems.append(f"{line['file']}: took {line['seconds']} s")


def _take_death(report: Report, begun: dict[str, Any], how: str) -> None:
    """Take note of a file that ended the process: an image has to be stopped by the net of the window."""
    from reliability.file_kinds import KINDS, as_image

    if KINDS[begun["kind"]].open is as_image and is_stopped(Path(begun["path"])):
        report.killed += 1
    else:
        report.problems.append(f"{begun['file']}: the process ended {how}")


def is_stopped(path: Path) -> bool:
    """Return whether the window would not open an image that ends or hangs a process."""
    from reliability.file_kinds import SIZE, as_image

    vetting = Vetting()
    try:
        with gate_at_door(vetting):
            as_image(path)
            read_labels(path, SIZE)
    except BadInput as error:
        return error.code in ("image-harmful", "image-memory", "image-damaged")
    finally:
        vetting.close()
    return False
