"""Makes the pictures of the help pages with the real window.

Run ``QT_QPA_PLATFORM=offscreen PYTHONPATH=tests python packaging/make_pictures.py``. It does what the page
``first-session.md`` tells, with the defaults and one minute of training.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.jobs.messages import Metric
from segstudio.project.sample_project import copy_sample

TARGET = Path(__file__).resolve().parents[1] / "resources" / "docs" / "help" / "images"
SIZE = 1440, 900

#: Nuclei of ``nuclei-10``: centre and half axes, pixels.
NUCLEI = ((18, 24, 9, 9), (47, 13, 9, 8), (48, 36, 10, 9), (71, 49, 8, 10), (93, 26, 10, 8), (131, 17, 7, 7))
LAST_NUCLEUS = (106, 49, 10, 8)


def main() -> None:
    """Drive the window through the first session and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(name) / kind.lower())
        run_program([str(copy_sample(Path(name)))], first_session)


def first_session(hand: Driver) -> None:
    """Do the five steps of the page."""
    hand.wait(lambda: hand.session.document is not None, what="the first image")
    hand.window.resize(*SIZE)
    rest(1500)
    look_at_labels(hand)
    label(hand)
    train(hand)
    predict(hand)
    measure(hand)


def look_at_labels(hand: Driver) -> None:
    """Show an image of the sample that is labelled, with its boxes."""
    hand.open_image("nuclei-01.png")
    hand.session.view.show_boxes = True
    rest(800)
    hand.session.view.selected = frozenset({8})
    take(hand, "window")
    hand.session.view.show_boxes = False
    hand.session.view.selected = frozenset()


def label(hand: Driver) -> None:
    """Circle some nuclei; the last one is caught in the middle of the gesture."""
    hand.open_image("nuclei-10.png")
    rest(500)
    for nucleus in NUCLEI:
        hand.drag(ellipse(*nucleus), Qt.MouseButton.RightButton)
    viewport = hand.window.canvas.viewport()
    path = [hand.place(point) for point in ellipse(*LAST_NUCLEUS)[:16]]
    QTest.mousePress(viewport, Qt.MouseButton.RightButton, pos=path[0])
    for place in path[1:]:
        QTest.mouseMove(viewport, place)
        rest(10)
    upper_left, lower_right = hand.place((0, 0)), hand.place((180, 150))
    take(hand, "encircle", QRect(upper_left, lower_right).translated(viewport.mapTo(hand.window, QPoint())))
    QTest.mouseRelease(viewport, Qt.MouseButton.RightButton, pos=path[-1])
    rest(200)


def train(hand: Driver) -> None:
    """Train for a minute; the picture is taken while it trains, as soon as the curves have two points."""
    hand.window.show_step(1)
    hand.wait(lambda: hand.session.jobs.catalogue is not None, 60, "the catalogue")
    hand.window.training.setup.form.rows["training.max_minutes"].set_value(1.0)
    judged: list[Metric] = []
    hand.session.jobs.message.connect(lambda _id, message: judged.append(message) if is_judged(message) else None)
    rest(1000)
    hand.click(hand.window.training, "Train")
    hand.window.show_drawer(1)
    hand.wait(lambda: hand.session.runs.training, what="the training")
    hand.wait(lambda: len(judged) >= 2 or hand.session.runs.training is None, 200, "the curves")
    rest(1500)
    take(hand, "training")
    hand.wait(lambda: hand.session.runs.training is None and bool(hand.session.runs.all), 200, "the model")


def is_judged(message: object) -> bool:
    """Whether a message tells how good the model is."""
    return isinstance(message, Metric) and "val_f1" in message.values


def predict(hand: Driver) -> None:
    """Predict an image that nobody has labelled, and stop at the first doubtful proposal."""
    hand.open_image("nuclei-11.png")
    hand.window.show_step(2)
    hand.window.show_drawer(0)
    hand.action("predict.current")
    hand.wait(lambda: hand.session.review.current, 90, "the most doubtful proposal")
    rest(1000)
    take(hand, "review")


def measure(hand: Driver) -> None:
    """Accept all and look at the measurements."""
    hand.action("review.accept_all")
    hand.window.show_step(3)
    hand.session.view.show_boxes = True
    hand.action("view.fit")
    rest(1500)
    hand.session.view.selected = frozenset({min(hand.session.document.planes.objects) + 2})
    take(hand, "measure")


def ellipse(x: float, y: float, a: float, b: float) -> list[tuple[float, float]]:
    """Return a closed way around a nucleus."""
    turns = np.linspace(0, 2 * np.pi, 25)
    return [(float(x + a * np.cos(turn)), float(y + b * np.sin(turn))) for turn in turns]


def take(hand: Driver, name: str, part: QRect | None = None) -> None:
    """Write a picture of the window, or of a part of it."""
    rest(700)
    picture = hand.window.grab(part) if part is not None else hand.window.grab()
    picture.save(str(TARGET / f"{name}.png"))


def rest(milliseconds: int) -> None:
    """Let the program run for a while, in steps that leave other threads their time."""
    for _ in range(max(1, milliseconds // 10)):
        QTest.qWait(10)


if __name__ == "__main__":
    main()
