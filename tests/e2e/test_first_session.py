"""The whole loop in the real program: open, label, train, stop, predict, accept, correct, export, reopen."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.gui.dialogs.export import ExportDialog
from segstudio.gui.dialogs.new_project import NewProjectDialog
from segstudio.jobs.messages import Metric
from segstudio.labels import contours
from segstudio.project.project import Project

_NAMES = ("nuclei-04.png", "nuclei-06.png", "nuclei-09.png")


def _truth(name: str) -> NDArray[np.int32]:
    return tifffile.imread(resource("samples", "labels", Path(name).with_suffix(".tif").name)).astype(np.int32)


def _rings(labels: NDArray[np.int32], least: int = 40) -> dict[int, NDArray[np.float64]]:
    """Return the outer ring of each object, thinned to what a hand would draw."""
    rings = {object_id: max(parts, key=len) for object_id, parts in contours(labels).items()}
    large = {object_id: ring for object_id, ring in rings.items() if (labels == object_id).sum() >= least}
    return {object_id: ring[:: max(1, len(ring) // 24)] for object_id, ring in large.items()}


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "my images"
    folder.mkdir()
    for name in _NAMES:
        (folder / name).write_bytes(resource("samples", "images", name).read_bytes())
    return folder


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_the_whole_loop(images: Path, tmp_path: Path, qapp: object) -> None:
    project_folder, exported = tmp_path / "project", tmp_path / "exported"
    drawn: dict[str, NDArray[np.int32]] = {}

    def script(hand: Driver) -> None:
        _open(hand, project_folder)
        for name in _NAMES[:2]:
            _label(hand, name)
        _train(hand)
        _predict_and_correct(hand)
        document = hand.session.document
        drawn[_NAMES[2]] = document.planes.labels.to_array()
        for name in _NAMES[:2]:
            hand.open_image(name)
            drawn[name] = hand.session.document.planes.labels.to_array()
        _export(hand, exported)

    run_program([str(images)], script)

    for name in _NAMES:
        stem = Path(name).stem
        assert np.array_equal(tifffile.imread(exported / f"{stem}.tif"), drawn[name]), name
    with Project.open(project_folder) as project:
        for entry in project.images:
            document = project.document(entry.id)
            assert np.array_equal(document.planes.labels.to_array(), drawn[entry.name]), entry.name
            assert document.can_undo
            document.close()

    def again(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.open_image(_NAMES[2])
        assert np.array_equal(hand.session.document.planes.labels.to_array(), drawn[_NAMES[2]])
        before = len(hand.session.document.planes.objects)
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert len(hand.session.document.planes.objects) == before - 1
        assert [run.status for run in hand.session.runs.all] == ["stopped"]

    run_program([str(project_folder)], again)


def _open(hand: Driver, project_folder: Path) -> None:
    dialog = hand.dialog(NewProjectDialog)
    dialog.findChild(object, "project-folder").setText(str(project_folder))
    hand.click(dialog, "Create project")
    hand.wait(lambda: hand.session.document is not None, what="the first image")
    assert hand.session.states.labelled_count() == (0, 3)


def _label(hand: Driver, name: str) -> None:
    """Circle every whole nucleus of the image, and say that it is completely labelled."""
    hand.open_image(name)
    truth = _truth(name)
    rings = _rings(truth)
    for ring in rings.values():
        hand.drag([*map(tuple, ring), tuple(ring[0])], Qt.MouseButton.RightButton)
    labels = hand.session.document.planes.labels.to_array()
    assert len(hand.session.document.planes.objects) == len(rings)
    for object_id in rings:
        mine = np.bincount(labels[truth == object_id]).argmax()
        assert _iou(labels == mine, truth == object_id) > 0.7
    hand.action("image.complete")


def _train(hand: Driver) -> None:
    """Train a small network, label on meanwhile, stop it when it has been judged once."""
    window, session = hand.window, hand.session
    window.show_step(1)
    hand.wait(lambda: session.jobs.catalogue is not None, 60, "the catalogue")
    rows = window.training.setup.form.rows
    for path, value in {"architecture.width": 8, "training.steps_per_epoch": 25, "training.epochs": 40}.items():
        rows[path].set_value(value)
    metrics: list[Metric] = []
    session.jobs.message.connect(lambda _id, message: metrics.append(message) if isinstance(message, Metric) else None)
    hand.wait(lambda: window.actions_table["train.start"].isEnabled(), what="Train")
    hand.wait(lambda: window.training.summary_text().startswith("Trains on"), what="the split")
    hand.click(window.training, "Train")
    hand.wait(lambda: session.runs.training is not None, what="the training")
    hand.open_image(_NAMES[2])
    _paint(hand, (100.0, 100.0))
    assert len(session.document.planes.objects) == 1
    hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not session.document.planes.objects
    hand.wait(lambda: any(metric.values.get("val_f1", 0) > 0.7 for metric in metrics), 200, "a model that finds most")
    hand.click(window.training, "Stop and keep best")
    hand.wait(lambda: session.runs.training is None, 60, "the end of the training")
    hand.wait(lambda: any(run.has_model for run in session.runs.all), what="the model")


def _paint(hand: Driver, start: tuple[float, float]) -> None:
    """Paint a new object with a stroke to the right, and find exactly it."""
    session = hand.session
    hand.key(Qt.Key.Key_B)
    hand.key(Qt.Key.Key_M)
    before = session.document.planes.labels.to_array()
    hand.drag([start, (start[0] + 12, start[1])])
    after = session.document.planes.labels.to_array()
    (new,) = set(np.unique(after[after != before]).tolist())
    y, x = np.indices(after.shape) + 0.5
    along = np.clip(x - start[0], 0, 12)
    stroke = np.hypot(x - start[0] - along, y - start[1]) <= session.view.brush_diameter / 2
    assert _iou(after == new, stroke & (before == 0)) > 0.9
    assert session.document.planes.objects[new].source == "hand"


def _predict_and_correct(hand: Driver) -> None:
    session = hand.session
    hand.action("predict.current")
    hand.wait(lambda: session.review.current, 90, "the most doubtful proposal")
    truth = _truth(_NAMES[2])
    objects = session.document.planes.objects
    assert not objects, "a prediction must not touch the labels"
    hand.key(Qt.Key.Key_Return)
    assert len(objects) == 1
    hand.action("review.accept_all")
    assert session.review.pending_count == 0
    assert {info.source for info in objects.values()} == {"model"}
    labels = session.document.planes.labels.to_array()
    assert _iou(labels > 0, truth > 0) > 0.5
    hand.key(Qt.Key.Key_V)
    largest = np.bincount(labels.ravel())[1:].argmax() + 1
    ys, xs = np.nonzero(cv2.erode((labels == largest).astype(np.uint8), np.ones((3, 3))))
    hand.click_at((xs[len(xs) // 2] + 0.5, ys[len(ys) // 2] + 0.5), Qt.KeyboardModifier.ControlModifier)
    assert largest not in objects
    (ring,) = _rings((labels == largest).astype(np.int32)).values()
    hand.drag([*map(tuple, ring), tuple(ring[0])], Qt.MouseButton.RightButton)
    assert "hand" in {info.source for info in objects.values()}
    free = cv2.distanceTransform((session.document.planes.labels.to_array() == 0).astype(np.uint8), cv2.DIST_L2, 5)
    free[:24], free[-24:], free[:, :24], free[:, -24:] = 0, 0, 0, 0
    y, x = np.unravel_index(free.argmax(), free.shape)
    _paint(hand, (float(x) - 6, float(y)))


def _export(hand: Driver, folder: Path) -> None:
    hand.action("file.export")
    dialog = hand.dialog(ExportDialog)
    dialog.choose("label-tiff", folder)
    hand.click(dialog, "Export")
    hand.wait(lambda: len(list(folder.glob("*.tif"))) == 3, what="three files")
    dialog.close()
