"""Training and predicting change no label; proposals that are accepted are one action that can be undone."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from segstudio.cli.main import main
from segstudio.jobs.messages import Artifact, Message
from segstudio.labels.edits import Delete, Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.session.job_specs import predict_job
from segstudio.session.notice import Notice
from segstudio.session.session import Session

_FAST = [
    *("--formulation", "boundary", "--architecture.width", "4", "--architecture.depth", "1", "--device", "cpu"),
    *("--training.max_minutes", "0", "--training.epochs", "3", "--training.steps_per_epoch", "10"),
    *("--training.batch_size", "4", "--training.precision", "float32", "--data.patch_size", "32", "--quiet"),
]


def _digests(folder: Path, *places: str) -> dict[str, str]:
    files = (path for place in places for path in (folder / place).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def _project(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for number in range(4):
        labels = np.zeros((64, 64), np.uint16)
        labels[8:28, 8 + number : 28 + number], labels[38:58, 30:50] = 255, 65_535
        labels[6:22, 42:58], labels[40:54, 4:20] = 7, 8
        image = (labels > 0) * 120 + rng.integers(0, 20, labels.shape)
        tifffile.imwrite(folder / "images" / f"s{number}.tif", image.astype(np.uint8))
        tifffile.imwrite(folder / "masks" / f"s{number}.tif", labels)
    project, _ = Project.create(folder / "p", folder / "images")
    problems = project.import_masks()
    assert not problems
    project.set_split(project.images[3].id, "val")
    for entry in project.images:
        document = project.document(entry.id)
        document.apply(Stroke(np.array([[3.0, 61.0], [20.0, 61.0]]), 3, 70_000))
        document.apply(Delete((7, 65_535)))  # what the model is to find again
    project.close()
    return folder / "p"


@pytest.mark.slow
def test_training_and_predicting_leave_every_byte_of_the_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: torch.set_num_threads(1))
    folder = _project(tmp_path)
    places = ("labels", "regions", ".segstudio/journal", ".segstudio/sums", ".segstudio/snapshots", "../images")
    before = _digests(folder, *places)
    assert len(before) > 12
    run = folder / "runs" / "squares"
    assert main(["train", str(folder), "--out", str(run), *_FAST]) == 0
    assert _digests(folder, *places) == before, "training has changed labels"
    with _Sitting(folder, run.name) as sitting:
        assert _digests(folder, *places) == before, "opening has changed labels"
        sitting.predict()
        assert sitting.session.review.total
        assert sitting.session.document.checkpoint(wait=True)  # whatever there may be to save
        assert _digests(folder, *places) == before, "predicting has changed labels"
        accepted = [sitting.accept_all(entry.id) for entry in sitting.session.project.images]
        assert max(accepted) > 1, "nowhere were several accepted: this shows nothing"


class _Sitting:
    """Somebody who predicts the images of a project with a model of it, and accepts what it proposes."""

    def __init__(self, folder: Path, run: str) -> None:
        self.session = Session()
        self._followed: list[tuple[Iterator[Message], Callable[[Message], None]]] = []
        self.session.jobs.follow = lambda messages, handle: self._followed.append((messages, handle))
        self.session.jobs.message.connect(self._on_message)
        self.session.noticed.connect(self._told)
        self.session.open_project(folder)
        self._run = next(item for item in self.session.runs.all if item.folder.name == run)

    def __enter__(self) -> "_Sitting":
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    @staticmethod
    def _told(notice: Notice) -> None:
        assert notice.level != "error", notice

    def predict(self) -> None:
        """Predict all images of the project in the worker process, and show what it says as the window does."""
        project = self.session.project
        assert self._run.predicts
        job = predict_job(project, self._run, project.images, {}, "cpu")
        self.session.jobs.predict(job, "all images")
        ((messages, handle),) = self._followed
        while self.session.jobs.live(job.job_id):
            handle(next(messages))
        assert self.session.jobs.job(job.job_id).error is None
        assert all(entry.predicted == self._run.folder.name for entry in project.images)

    def _on_message(self, _job_id: str, message: Message) -> None:
        if isinstance(message, Artifact) and message.role == "labels":
            self.session.review.predicted(message.image_id, Path(message.path).parent.name)

    def accept_all(self, image_id: str) -> int:
        """What is accepted is one action: its undo gives exactly what was there before, its redo what it made."""
        session = self.session
        session.select(image_id)
        session.review.show_latest()
        document, waiting = session.document, session.review.pending_count
        before, names, made = _state(document), [item.name for item in document.history.entries()], []
        session.review.accept_all(made.append)
        (accepted,) = made
        assert accepted.objects, "nothing was accepted: this shows nothing"
        assert len(document.history.entries()) == len(names) + 1
        assert session.review.pending_count == waiting - len(accepted.objects)
        labels, _, table = after = _state(document)
        assert np.array_equal(labels[before[0] > 0], before[0][before[0] > 0]), "an object that was there has changed"
        assert {key: info for key, info in table.items() if key in before[2]} == before[2]
        assert table.keys() - before[2].keys() == set(accepted.objects.values())
        document.undo()
        assert _same(_state(document), before)
        assert [item.name for item in document.history.entries()] == names
        assert session.review.pending_count == waiting, "what was taken back waits again"
        document.redo()
        assert _same(_state(document), after)
        document.undo()
        assert document.checkpoint(wait=True)
        published = tifffile.imread(session.project.label_path(image_id))
        assert np.array_equal(published, before[0])
        return len(accepted.objects)


_State = tuple[NDArray[np.int32], NDArray[np.uint8], dict[int, ObjectInfo]]


def _state(document: ImageDocument) -> _State:
    planes = document.planes
    return planes.labels.to_array(), planes.regions.to_array(), dict(planes.objects)


def _same(one: _State, other: _State) -> bool:
    return np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1]) and one[2] == other[2]
