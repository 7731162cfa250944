"""How long the window stands still while somebody works on a large image: a heartbeat of 5 ms through real actions.

Run with ``python tests/bench/stalls.py [--side 8000]``; JSON lines: longest gap and 99th percentile of each part, the
most that the thread of the window computed in one gap, ms, and where it was in the longest.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import numpy as np
import tifffile
from heartbeat import Heartbeat
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.core.tiles import Window
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob
from segstudio.labels.edits import Delete, PasteLabels
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project

CELL_PX = 80


def make_project(folder: Path, side: int) -> Path:
    """Write a project of two large images, the first one full of objects."""
    y, x = np.mgrid[:side, :side].astype(np.int32)
    cells = side // CELL_PX
    inside = (y % CELL_PX - CELL_PX // 2) ** 2 + (x % CELL_PX - CELL_PX // 2) ** 2 < (0.4 * CELL_PX) ** 2
    labels = np.where(inside, (y // CELL_PX) * cells + x // CELL_PX + 1, 0).astype(np.int32)
    for seed, name in enumerate(("a", "b")):
        noise = np.random.default_rng(seed).integers(0, 400, (side, side), dtype=np.uint16)
        tifffile.imwrite(folder / f"{name}.tif", noise + 2000 * inside.astype(np.uint16), tile=(512, 512))
    project, problems = Project.create(folder / "project", [folder / "a.tif", folder / "b.tif"])
    assert not problems, problems
    document = project.document(project.images[0].id)
    document.apply(PasteLabels(labels, Window(0, 0, side, side), {i: ObjectInfo() for i in range(1, cells**2 + 1)}))
    document.close()
    project.close()
    return folder / "project"


def _training(folder: Path) -> TrainJob:
    labels = next((folder / "labels").glob("*.tif"))
    sample = SampleRecord(image_id="a", image=folder.parent / "a.tif", labels=labels, complete=True)
    return TrainJob(
        job_id="t",
        name="Model",
        run_folder=folder / "runs" / "t",
        samples=(sample,),
        classes=(ClassSpec(id=1, name="cell"),),
        architecture=Choice(name="unet", settings={"width": 8, "depth": 2}),
        config={"training": {"max_minutes": 2, "batch_size": 2}},
        device="cpu",
    )


class Parts:
    """What somebody does, one after the other."""

    def __init__(self, hand: Driver, folder: Path, side: int) -> None:
        self.hand, self.folder, self.side = hand, folder, side
        self.beat = Heartbeat(hand.window)

    def measure(self, name: str, do: Callable[[], object]) -> None:
        """Print the gaps while `do` is done and a moment after."""
        self.beat.take()
        do()
        QTest.qWait(300)
        *seconds, where = self.beat.take()
        figures = dict(zip(("max_ms", "p99_ms", "max_cpu_ms"), (round(1000 * s, 1) for s in seconds), strict=True))
        print(json.dumps({"part": name, **figures, "where": where}), flush=True)

    def paint(self, strokes: int = 25) -> None:
        """Paint across what is in sight."""
        self.hand.key(Qt.Key.Key_B)
        chance = np.random.default_rng(strokes)
        for _ in range(strokes):
            at = chance.uniform(0.3, 0.7, 2) * self.side
            self.hand.drag([(at[0] + 6 * n, at[1] + 4 * (n % 5)) for n in range(12)])
            QTest.qWait(40)

    def checkpoint(self) -> None:
        """Paint while the published files are written."""
        document = self.hand.session.document
        self.paint(5)
        self.hand.session.background.run(lambda: document.flush(30))
        self.paint(10)

    def run(self) -> None:
        """Do all of it."""
        hand, session = self.hand, self.hand.session
        self.measure("open", lambda: hand.wait(lambda: session.document is not None, 120, "the image"))
        self.measure("objects are listed", lambda: hand.wait(lambda: not session.objects.busy, 60, "the list"))
        self.measure("paint", self.paint)
        self.measure("paint while files are written", self.checkpoint)
        self.measure("switch to another image", lambda: hand.open_image("b.tif"))
        self.measure("and back", lambda: hand.open_image("a.tif"))
        for theme in ("light", "dark"):
            wish = session.preferences.model_copy(update={"theme": theme})
            self.measure(f"theme {theme}", lambda wish=wish: session.set_preferences(wish))
        ids = tuple(sorted(session.document.planes.objects))[:5000]
        self.measure(f"delete {len(ids)} objects", lambda: hand.window.apply(Delete(ids)))
        self.measure("undo that", lambda: hand.action("edit.undo"))
        session.jobs.start_training(_training(self.folder))
        self.measure("a training starts", lambda: hand.wait(lambda: _learns(hand), 200, "the training"))
        self.measure("paint while it trains", self.paint)
        session.jobs.kill("t")
        self.measure("it is ended", lambda: hand.wait(lambda: not session.jobs.live("t"), 30, "its end"))
        self.beat.close()


def _learns(hand: Driver) -> bool:
    job = hand.session.jobs.job("t")
    assert job is not None
    assert job.error is None, job.error
    return job.progress is not None and job.progress.stage == "Training"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=8000)
    side = parser.parse_args().side
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "CACHE", "DATA", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = f"{folder}/{name}"
        project = make_project(Path(folder), side)
        run_program([str(project)], lambda hand: Parts(hand, project, side).run())


if __name__ == "__main__":
    main()
