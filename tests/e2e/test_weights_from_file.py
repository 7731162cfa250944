"""Weights of another program, taken by the window to start a training from; what could run code is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtWidgets import QFileDialog
from window_driver import Driver, run_program

from segstudio.project.project import Project

#: Run apart: the process of the window imports no torch.
MAKE = """
import os, torch, torchvision
class Code:
    def __reduce__(self):
        return os.system, ("touch PWNED",)
torch.save({"state_dict": torchvision.models.resnet18(weights=None).state_dict()}, "resnet18.pth")
torch.save({"a": Code()}, "code.pt")
torch.save(torch.nn.Linear(3, 4).state_dict(), "linear.pt")
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run([sys.executable, "-P", "-c", MAKE], cwd=folder, check=True)
    assert not (folder / "PWNED").exists()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    project.close()
    return tmp_path / "project"


@pytest.fixture
def choose(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Driver, str], None]:
    """Return what chooses a file of weights in the step Train."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()

    def act(hand: Driver, name: str) -> None:
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(weights / name), ""))
        box = hand.window.training.setup._start.box
        row = box.findText("Weights from a file…")
        box.setCurrentIndex(row)
        box.activated.emit(row)

    return act


def _begin(hand: Driver) -> None:
    hand.wait(lambda: hand.session.document is not None, what="the first image")
    hand.window.show_step(1)
    hand.session.jobs.want_catalogue()
    hand.wait(lambda: hand.session.jobs.catalogue is not None, 120, "the catalogue")
    for box, name in ((hand.window.training.setup._formulation, "semantic"),
                      (hand.window.training.setup._architecture, "encoder_unet")):  # fmt: skip
        box.setCurrentIndex(box.findData(name))


@pytest.mark.timeout(240)
def test_weights_from_a_file_start_a_training(
    folder: Path, choose: Callable[[Driver, str], None], tmp_path: Path, qapp: object
) -> None:
    def script(hand: Driver) -> None:
        _begin(hand)
        window, box = hand.window, hand.window.training.setup._start.box
        choose(hand, "code.pt")
        hand.wait(window.banners.messages, 120, "the refusal")
        (notice,) = window.banners.messages()
        assert notice.message.startswith("code.pt holds more than weights (")
        assert "system), which could run code, and is not opened." in notice.message
        assert (box.currentText(), hand.session.runs.all) == ("Scratch", ())
        choose(hand, "linear.pt")
        hand.wait(lambda: "linear.pt" in window.banners.messages()[0].message, 120, "the other refusal")
        (notice,) = window.banners.messages()
        assert "which do not fit this network" in notice.message
        assert "with the encoder and the settings" in notice.hint
        choose(hand, "resnet18.pth")
        hand.wait(lambda: window.banners.messages()[0].level == "good", 120, "the model")
        if picture := os.environ.get("SEGSTUDIO_PICTURES"):
            window.grab().save(f"{picture}/weights-taken.png")
        (notice,) = window.banners.messages()
        assert "tensors were taken as the model resnet18. All but its encoder begins with random" in notice.message
        (run,) = hand.session.runs.all
        assert (box.currentText(), run.model.is_relative_to(folder)) == ("resnet18", True)
        assert window.training.setup.wish().start_from == run.model
        assert hand.session.models.run_id == "", "nothing can be predicted with it"

    run_program([str(folder)], script)
    assert not list((tmp_path / "temporary").glob("segstudio-*"))
    assert not list(tmp_path.rglob("PWNED"))
    assert not Path("PWNED").exists()
