"""How long the window stands still where there is very much: images, objects, pixels, messages of a training.

Run with ``python tests/bench/stalls_many.py [--only images objects pixels messages] [--repeat 5]``. Each part has a
project and a window of its own. ``value`` is the median of the repeats, of what the thread of the window computed
between two beats at most; ``all`` are the single ones, ``longest`` the longest gap by the clock.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]
import numpy as np
import stall_project
import tifffile
from heartbeat import Heartbeat
from PySide6.QtTest import QTest
from studio import training_job
from window_driver import Driver, run_program

from segstudio.jobs.channel import LineTail, parsed
from segstudio.jobs.messages import Message, Metric, from_line, to_line
from segstudio.labels.edits import Delete
from segstudio.project.project import Project
from segstudio.session.job import Job

_STALL = 100.0


class Measured:
    """Collects what was measured over all windows."""

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[float, float, str]]] = {}

    def measure(self, beat: Heartbeat, name: str, do: Callable[[], object]) -> None:
        """Do something, and note the gaps meanwhile and a moment after."""
        beat.take()
        do()
        QTest.qWait(400)
        longest, _, busiest, where = beat.take()
        self.found.setdefault(name, []).append((1000 * busiest, 1000 * longest, where))
        print(f"{name}: {1000 * busiest:.0f} ms", file=sys.stderr, flush=True)

    def tell(self) -> bool:
        """Print all; return whether all was met."""
        fine = True
        for name, runs in self.found.items():
            value = statistics.median(busy for busy, _, _ in runs)
            fine = fine and value <= _STALL
            print(json.dumps({
                "name": name, "value": round(value, 1), "unit": "ms", "target": _STALL, "met": value <= _STALL,
                "all": [round(busy, 1) for busy, _, _ in runs],
                "longest": [round(longest, 1) for _, longest, _ in runs], "where": max(runs)[2],
            }), flush=True)  # fmt: skip
        return fine


def make_images(folder: Path) -> Path:
    """Write a project of 5,000 images."""
    (folder / "images").mkdir()
    for number in range(5000):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 64), dtype=np.uint8)
        tifffile.imwrite(folder / "images" / f"well {number:04}.tif", pixels)
    Project.create(folder / "project", sorted((folder / "images").iterdir()))[0].close()
    return folder / "project"


def images(hand: Driver, measured: Measured, beat: Heartbeat) -> None:
    """Open the project, and go through it."""
    measured.measure(beat, "open 5,000 images", lambda: _opened(hand))
    names = [entry.name for entry in hand.session.project.images]
    for number in (10, 2500, 4999):
        measured.measure(beat, f"to image {number}", lambda number=number: hand.open_image(names[number]))


def make_pixels(folder: Path) -> Path:
    """Write a project with an image of 20,000 × 20,000 pixels, 0.8 GB in one strip."""
    pixels = tifffile.memmap(folder / "large.tif", shape=(20_000, 20_000), dtype=np.uint16)
    for row in range(0, 20_000, 100):
        pixels[row : row + 50, row : row + 50] = row % 4000
    pixels.flush()
    tifffile.imwrite(folder / "small.tif", np.zeros((64, 64), np.uint8))
    Project.create(folder / "project", [folder / "small.tif", folder / "large.tif"])[0].close()
    return folder / "project"


def pixels(hand: Driver, measured: Measured, beat: Heartbeat) -> None:
    """Open the large image, leave it, come back."""
    _opened(hand)
    measured.measure(beat, "open 20,000²", lambda: (hand.open_image("large.tif"), QTest.qWait(4000)))
    measured.measure(beat, "leave it", lambda: hand.open_image("small.tif"))
    measured.measure(beat, "come back", lambda: (hand.open_image("large.tif"), QTest.qWait(2000)))


def make_objects(folder: Path) -> Path:
    """Write a project with an image of 8000 × 8000 pixels and 102,400 objects."""
    stall_project._CELL_PX = 25
    return stall_project.make_project(folder, 8000, 2)


def objects(hand: Driver, measured: Measured, beat: Heartbeat) -> None:
    """List them, delete all, take that back."""
    session = hand.session
    _opened(hand)
    hand.open_image("a.tif")
    measured.measure(beat, "list 102,400 objects", lambda: _rest(hand))
    all_of_them = Delete(tuple(session.document.planes.objects))
    measured.measure(beat, "delete them", lambda: (hand.window.apply(all_of_them), _rest(hand)))
    for name in ("undo", "redo", "undo"):
        measured.measure(beat, f"… {name}", lambda name=name: (hand.action(f"edit.{name}"), _rest(hand)))
    measured.measure(beat, "History comes", lambda: (hand.action("edit.history"), QTest.qWait(2000)))


def make_messages(folder: Path) -> Path:
    """Write a small project, and 5,000 figures of a training."""
    tifffile.imwrite(folder / "a.tif", np.zeros((64, 64), np.uint8))
    Project.create(folder / "project", [folder / "a.tif"])[0].close()
    values = dict.fromkeys(("train_loss", "val_loss", "val_f1", "learning_rate"), 0.5)
    with (folder / "events.jsonl").open("w") as file:
        for step in range(5000):
            said = Metric(time=step, job_id="run-1", epoch=step / 10, step=step, elapsed_s=step, values=values)
            file.write(to_line(said) + "\n")
    return folder / "project"


def messages(hand: Driver, measured: Measured, beat: Heartbeat) -> None:
    """Follow the training from its start; compare it with another."""
    _opened(hand)
    hand.window.show_step(1)
    jobs, file = hand.session.jobs, hand.session.project.folder.parent / "events.jsonl"
    job = training_job(hand.session.project.folder)
    jobs._jobs["run-1"] = Job("run-1", "t", job, state="starting", created=time.time(), outlived=True)
    jobs.curves.show(["run-1"])

    def said() -> list[Message]:
        return list(parsed(iter(LineTail(file).read()), from_line))

    def follow() -> None:
        jobs._read(iter(said()))
        hand.wait(lambda: (last := jobs.curves.last("run-1")) is not None and last.step == 4999, 120, "the last word")

    measured.measure(beat, "follow a training of 5,000 figures", follow)
    events = said()
    measured.measure(beat, "compare it", lambda: (jobs.curves.load("b", events), jobs.curves.show(["run-1", "b"])))


def _opened(hand: Driver) -> None:
    hand.wait(lambda: hand.session.document is not None, 120, "the image")


def _rest(hand: Driver) -> None:
    session = hand.session
    QTest.qWait(20)
    hand.wait(lambda: not (session.steps.busy or session.ahead.busy or session.objects.busy), 240, "the objects")


_PARTS = {"images": (make_images, images), "pixels": (make_pixels, pixels), "objects": (make_objects, objects),
          "messages": (make_messages, messages)}  # fmt: skip


def main() -> int:
    """Measure; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=list(_PARTS))
    parser.add_argument("--repeat", type=int, default=5, help="windows of each part")
    wishes = parser.parse_args()
    measured = Measured()
    for name in wishes.only:
        make, act = _PARTS[name]
        for _ in range(wishes.repeat):
            with tempfile.TemporaryDirectory() as folder:
                for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
                    os.environ[f"XDG_{kind}_HOME"] = f"{folder}/{kind}"
                project = make(Path(folder))

                def script(hand: Driver, act: Callable[..., None] = act) -> None:
                    beat = Heartbeat(hand.window)
                    act(hand, measured, beat)
                    beat.close()

                run_program([str(project)], script)
    return 0 if measured.tell() else 1


if __name__ == "__main__":
    raise SystemExit(main())
