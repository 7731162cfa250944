"""A training goes on while another project is open: nothing of it is shown there, and all of it when one comes back."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog
from recorded_runs import recorded
from window_driver import Driver, run_program

from segstudio.jobs.messages import Finished, Message, Preview, Started
from segstudio.project.project import Project


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    made = tmp_path / "first", tmp_path / "second"
    for folder in made:
        Project.create(folder, [tmp_path / "a.tif"])[0].close()
    return made


def _open(hand: Driver, folder: Path) -> None:
    hand.window.opening.open_paths([folder])
    hand.wait(lambda: hand.session.project is not None and hand.session.project.folder == folder, what=str(folder))
    hand.wait(lambda: hand.session.document is not None, what="the image")
    hand.window.show_step(1)
    QTest.qWait(700)  # longer than anything waits before it is drawn anew


def _say(hand: Driver, *messages: Message) -> None:
    for message in messages:
        hand.session.jobs.handle(message.model_copy(update={"job_id": "rate-too-low"}))


def test_a_training_of_another_project_stays_out_of_sight_until_that_is_opened_again(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(tmp_path / f"{number}.png") for number in range(3)]
    for name in names:
        QImage(60, 40, QImage.Format.Format_RGB32).save(name)
    preview = Preview(epoch=1, image=names[0], truth=names[1], prediction=names[2], caption="finds 3 of 4 objects")
    first, second = folders
    job, messages = recorded("rate-too-low")
    job = job.model_copy(update={"run_folder": first / "runs" / job.job_id})
    messages = [message for message in messages if not isinstance(message, Finished)]

    def script(hand: Driver) -> None:
        monkeypatch.setattr(hand.session.jobs.trainings, "start", lambda *_: None)
        panel, curves = hand.window.training, hand.window.curves
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.window.show_step(1)
        hand.window.show_drawer(1)
        hand.session.jobs.start_training(job)
        _say(hand, Started(device="cpu", device_name="a processor", pid=1), *messages[:-1], preview)
        hand.wait(lambda: panel.live.isVisible() and panel.doctor.isVisible(), what="the read-out and the finding")
        hand.wait(curves.plotted, what="the curves")
        hand.wait(lambda: panel.live.preview.height() > 20, what="the pictures")
        panel.live.preview.enlarge()
        hand.dialog(QDialog)

        _open(hand, second)
        _say(hand, messages[-1])
        QTest.qWait(700)
        assert not panel.live.isVisible()
        assert not panel.doctor.isVisible()
        assert not Driver._dialogs(QDialog), "the large pictures"
        assert curves._pages.currentIndex() == 0
        assert panel._empty.isVisible(), "what can be done in this project"

        _open(hand, first)
        assert panel.live.isVisible()
        assert curves._pages.currentIndex() == 1
        _say(hand, messages[-1])
        hand.wait(panel.doctor.isVisible, what="the finding")

        _open(hand, second)
        _say(hand, Finished(outcome="done", summary={"f1": 0.9}))
        said = " ".join(notice.text for notice in hand.window.banners.messages())
        assert "is ready: F1 0.90. It belongs to the project first: open that to use it." in said
        hand.window.close_project()
        assert hand.window.banners.messages() == [], "what a message says of a project goes with it"

    run_program([str(first)], script)
