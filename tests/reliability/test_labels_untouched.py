"""Training and predicting change no label; proposals that are accepted are one action that can be undone."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from segstudio.cli.main import main
from segstudio.core.tiles import Window
from segstudio.io.labels_file import read_label_tiff
from segstudio.labels.edits import Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels
from segstudio.project.project import Project

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
        image = (labels > 0) * 120 + rng.integers(0, 20, labels.shape)
        tifffile.imwrite(folder / "images" / f"s{number}.tif", image.astype(np.uint8))
        tifffile.imwrite(folder / "masks" / f"s{number}.tif", labels)
    project, _ = Project.create(folder / "p", folder / "images")
    problems = project.import_masks()
    assert not problems
    project.set_split(project.images[3].id, "val")
    document = project.document(project.images[0].id)  # one that has a journal as well
    document.apply(Stroke(np.array([[3.0, 60.0], [20.0, 60.0]]), 3, 70_000))
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
    words = ["predict", str(run / "model"), str(tmp_path / "images"), "--out", str(tmp_path / "predicted"), "--quiet"]
    assert main(words) == 0
    assert _digests(folder, *places) == before, "predicting has changed labels"
    with Project.open(folder) as project:
        document = project.document(project.images[1].id)
        drawn, table = document.planes.labels.to_array(), dict(document.planes.objects)
        proposals = read_label_tiff(tmp_path / "predicted" / "s1.tif").to_array()
        assert proposals.any()
        infos = {int(key): ObjectInfo(source="model") for key in np.unique(proposals) if key}
        actions = len(document.history.entries())
        document.apply(PasteLabels(proposals, Window.whole((64, 64)), infos, only_empty=False))
        assert len(document.history.entries()) == actions + 1
        document.undo()
        assert np.array_equal(document.planes.labels.to_array(), drawn)
        assert dict(document.planes.objects) == table
