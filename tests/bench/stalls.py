"""How long the window stands still while somebody works on a large image: a heartbeat of 5 ms through real actions.

Run with ``python tests/bench/stalls.py [--side 8000] [--small 2000] [--only accept theme]``. ``value`` is the most that
the thread of the window computed between two beats, ``p99`` what it did in nearly all: what a computer without other
programs would show. ``longest`` is the longest gap by the clock; it counts where the disk hangs, for who waits
computes nothing.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]
import numpy as np
from heartbeat import Heartbeat
from hung_disk import HungDisk
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from stall_project import make_project
from window_driver import Driver, run_program

from segstudio.gui.forms.offer_box import OfferBox
from segstudio.labels.edits import Delete, Relabel
from segstudio.project.changes import SAVED

#: The promise, and what a hand feels while it paints; milliseconds.
_STALL, _FRAME = 100.0, 16.7
_HANGS_S = 4.0


class Parts:
    """What somebody does, one after the other."""

    def __init__(self, hand: Driver, folder: Path, side: int, only: list[str]) -> None:
        self.hand, self.session, self.side, self.only = hand, hand.session, side, only
        self.missed: list[str] = []
        self.disk = HungDisk(folder)
        self.masks = folder.parent / "masks"
        self.beat = Heartbeat(hand.window)

    def measure(self, name: str, do: Callable[[], object], *, frame: bool = False, by_clock: bool = False) -> None:
        """Print the gaps while `do` is done and a moment after; `frame` also asks for one frame nearly always."""
        self.beat.take()
        do()
        QTest.qWait(400)
        busy = sorted(self.beat.busy)
        longest, _, busiest, where = self.beat.take()
        value, p99 = 1000 * (longest if by_clock else busiest), 1000 * busy[len(busy) * 99 // 100]
        met = value <= _STALL and (not frame or p99 <= _FRAME)
        line = {"name": name, "value": round(value, 1), "unit": "ms", "target": _STALL, "met": met}
        line |= {"p99": round(p99, 1)} | ({"target_p99": _FRAME} if frame else {})
        line |= {"longest": round(1000 * longest, 1)}
        print(json.dumps(line | {"where": where}), flush=True)
        self.missed += [] if met else [name]

    def run(self) -> None:
        """Do all of it, or what was asked for."""
        hand, session = self.hand, self.session
        self.measure("open", lambda: hand.wait(lambda: session.document is not None, 120, "the image"))
        hand.open_image("a.tif")
        self.measure("objects are listed", lambda: hand.wait(lambda: not session.objects.busy, 120, "the list"))
        parts = (self.paint, self.switch, self.accept, self.delete, self.filter, self.theme, self.mask, self.form)
        for part in (*parts, self.train, self.predict, self.hang):
            if not self.only or part.__name__ in self.only:
                part()
        self.beat.close()

    def paint(self) -> None:
        """Paint, also while the published files are written."""
        self.measure("paint", self._strokes, frame=True)

        def checkpoint() -> None:
            self._strokes(5)
            self.session.background.run(self.session.document.publish())
            self._strokes(10)

        self.measure("paint while files are written", checkpoint, frame=True)

    def switch(self) -> None:
        """Go to another image and back."""
        self.measure("switch to another image", lambda: self.hand.open_image("b.tif"))
        self.measure("and back", lambda: self.hand.open_image("a.tif"))

    def accept(self) -> None:
        """Walk through proposals, reject all, bring them back, accept all; undo and redo that."""
        hand, review = self.hand, self.session.review
        self._come_to("b.tif")
        self.measure("the step Predict comes", lambda: hand.window.show_step(2))
        hand.wait(lambda: review.pending_count, 60, "proposals")
        count = review.pending_count
        self.measure("walk through proposals", lambda: [hand.action("review.next") for _ in range(20)])
        self.measure(f"reject {count} proposals", lambda: hand.action("review.reject_all"))
        self.measure("bring them back", lambda: hand.action("review.restore"))

        def all_of_them() -> None:
            hand.action("review.accept_all")
            hand.wait(lambda: not review.pending_count, 300, "all to be accepted")
            self._listed()

        self.measure(f"accept {count} proposals", all_of_them)
        self._undo_and_redo()
        hand.window.show_step(0)

    def delete(self) -> None:
        """Delete and relabel thousands, take it back; restore what was before."""
        session = self.session
        self._come_to("a.tif")
        ids = tuple(sorted(session.document.planes.objects))
        self.measure(f"select {len(ids)} objects", lambda: setattr(session.view, "selected", frozenset(ids)))
        session.view.selected = frozenset()
        self.measure(f"another class for {len(ids)} objects", lambda: self._apply(Relabel(ids, 2)))
        self._undo_and_redo()
        self.measure(f"delete {len(ids)} objects", lambda: self._apply(Delete(ids)))
        self._undo_and_redo()
        self.hand.action("edit.redo")
        self._listed()
        self.measure("restore the state before", self._restore)
        self._undo_and_redo()
        self.hand.action("edit.redo")  # what follows needs objects

    def filter(self) -> None:
        """Type into the filter of the list of images."""
        field = self.hand.window.images.findChild(QLineEdit)
        for words in ("well 1", "empty"):
            self.measure(f"filter: {words}", lambda words=words: QTest.keyClicks(field, words))
            self.measure("filter: all again", field.clear)

    def theme(self) -> None:
        """Change between dark and light."""
        for _ in range(2):
            self.measure("another theme", lambda: self.hand.action("view.theme"))

    def mask(self) -> None:
        """Take a mask as labels of the image in front."""
        self._come_to("c.tif")
        entry = self.session.document.entry.id

        def take() -> None:
            self.session.masks.take({entry: self.masks / "c.tif"})
            self.hand.wait(lambda: len(self.session.document.planes.objects), 60, "the labels of the mask")
            self._listed()

        self.measure("take a mask", take)
        self._undo_and_redo()

    def form(self) -> None:
        """Look at the step Train, and choose another formulation."""
        hand, setup = self.hand, self.hand.window.training.setup
        self._come_to("a.tif")

        def look() -> None:
            hand.window.show_step(1)
            hand.wait(lambda: self.session.jobs.catalogue is not None, 120, "the catalogue")
            hand.wait(setup.isVisible, 120, "the form")

        self.measure("the form comes", look)
        box = setup.findChild(OfferBox, "formulation")
        for name in ("stardist", "joint"):
            choose = lambda name=name: box.setCurrentIndex(box.findData(name))  # noqa: E731
            self.measure(f"form of {name}", choose)
        self.measure("advanced settings", lambda: setup.form.advanced.open())

    def train(self) -> None:
        """Train, and paint meanwhile; a model stays."""
        hand, session, window = self.hand, self.session, self.hand.window
        self._come_to("a.tif")
        window.show_step(1)
        hand.wait(lambda: session.jobs.catalogue is not None and window.training.setup.isVisible(), 120, "the form")
        wishes = {"architecture.width": 8, "training.steps_per_epoch": 20, "training.max_minutes": 2.0}
        window.training.setup.change(wishes)
        hand.wait(lambda: window.actions_table["train.start"].isEnabled(), 60, "Train")

        def start() -> None:
            hand.action("train.start")
            hand.wait(lambda: session.runs.training is not None, 60, "the training")
            hand.wait(lambda: _stage(session.runs.training) == "Training", 300, "its first step")

        self.measure("a training starts", start)
        self.measure("paint while it trains", lambda: self._strokes(40), frame=True)
        self.measure("watch it train", lambda: QTest.qWait(15_000))
        self.measure("switch while it trains", lambda: (hand.open_image("b.tif"), hand.open_image("a.tif")))
        hand.wait(lambda: window.training.live.can_stop, 60, "Stop")

        def stop() -> None:
            hand.action("train.stop")
            hand.wait(lambda: any(run.has_model for run in session.runs.all), 500, "the model")
            hand.wait(lambda: session.runs.training is None, 60, "its end")

        self.measure("it ends", stop)

    def predict(self) -> None:
        """Predict another image, and paint meanwhile; then look at the proposals."""
        hand, session = self.hand, self.session
        self._come_to("c.tif")

        def start() -> None:
            hand.action("predict.current")
            hand.wait(lambda: any(job.state == "running" for job in session.jobs.active), 120, "the prediction")

        self.measure("a prediction starts", start)
        self.measure("paint while it predicts", lambda: self._strokes(40), frame=True)
        self.measure("proposals come", lambda: hand.wait(lambda: session.review.pending_count, 400, "proposals"))

    def hang(self) -> None:
        """Paint, switch and look around while the disk of the project does not answer."""
        hand, session = self.hand, self.session
        self._come_to("a.tif")

        def work() -> None:
            with self.disk.hanging():
                self._strokes(10)
                entry = next(entry for entry in session.project.images if entry.name == "b.tif")
                session.select(entry.id)
                for number in (1, 2, 3, 0):
                    hand.window.show_step(number)
                    QTest.qWait(round(1000 * _HANGS_S / 8))
                hand.action("edit.undo")
                hand.key(Qt.Key.Key_V)
                QTest.qWait(round(1000 * _HANGS_S / 2))
            hand.wait(lambda: session.document is not None and session.document.entry.id == entry.id, 60, "b.tif")

        self.measure("the disk hangs", work, by_clock=True)
        hand.wait(lambda: session.document.save_state == SAVED, 60, "all to be saved")
        waited = self.disk.window_waited
        print(json.dumps({"name": "the window waited for the disk", "value": len(waited), "unit": "times",
                          "target": 0, "met": not waited, "where": sorted(set(waited))}), flush=True)  # fmt: skip
        self.missed += ["the window waited for the disk"] if waited else []

    def _strokes(self, strokes: int = 25) -> None:
        """Paint across what is in sight."""
        self.hand.key(Qt.Key.Key_B)
        chance = np.random.default_rng(strokes)
        for _ in range(strokes):
            at = chance.uniform(0.3, 0.7, 2) * self.side
            self.hand.drag([(at[0] + 6 * n, at[1] + 4 * (n % 5)) for n in range(12)])
            QTest.qWait(40)

    def _apply(self, edit: object) -> None:
        self.hand.window.apply(edit)
        self._listed()

    def _undo_and_redo(self) -> None:
        for name in ("undo", "redo", "undo"):
            self.measure(f"… {name}", lambda name=name: (self.hand.action(f"edit.{name}"), self._listed()))

    def _restore(self) -> None:
        session, seq = self.session, self.session.document.seq
        session.earlier.look()
        self.hand.wait(lambda: session.earlier.states, 30, "an earlier state")
        session.earlier.restore(session.earlier.states[0].number)
        self.hand.wait(lambda: session.document.seq > seq or not session.earlier.states, 30, "the restore")
        self._listed()

    def _come_to(self, name: str) -> None:
        self.hand.open_image(name)
        self._listed()

    def _listed(self) -> None:
        QTest.qWait(20)
        session = self.session
        self.hand.wait(
            lambda: not (session.steps.busy or session.ahead.busy or session.objects.busy), 120, "the list of objects"
        )


def _stage(job: object) -> str:
    error, progress = getattr(job, "error", None), getattr(job, "progress", None)
    assert error is None, error
    return progress.stage if progress is not None else ""


def main() -> int:
    """Measure; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=8000, help="of the images, pixels")
    parser.add_argument("--small", type=int, default=2000, help="number of small images beside them")
    parser.add_argument("--only", nargs="+", default=[], help="names of parts")
    wishes = parser.parse_args()
    missed: list[str] = []

    def act(hand: Driver) -> None:
        QApplication.setEffectEnabled(Qt.UIEffect.UI_AnimateTooltip, False)
        parts = Parts(hand, project, wishes.side, wishes.only)
        parts.run()
        missed.extend(parts.missed)

    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "CACHE", "DATA", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = f"{folder}/{name}"
        project = make_project(Path(folder), wishes.side, wishes.small)
        run_program([str(project)], act)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
