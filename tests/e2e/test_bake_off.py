"""The comparison in the real window: chosen, watched, stopped with the window, taken up again, its winner taken."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from bake_off_stand_ins import TRAINING, WORKER
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_driver import Driver, run_program

from segstudio.config.run import RunConfig
from segstudio.gui.panels.bake_off import BakeOffDialog
from segstudio.gui.panels.bake_off_setup import BakeOffSetup
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.project.project import Project
from segstudio.session.bake_off_candidates import DEFAULT_CANDIDATES
from segstudio.session.job_specs import SplitSummary

NAMES = ("joint", "good", "fair", "breaks", "waits")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("train.py", TRAINING), ("worker.py", WORKER)):
        (tmp_path / name).write_text(text)
    for module, script in (("run_process", "train.py"), ("warm_worker", "worker.py")):
        monkeypatch.setattr(
            f"segstudio.jobs.{module}.worker_command",
            lambda *words, script=script: [sys.executable, str(tmp_path / script), *words[-1:]],
        )
    for number in range(30):
        labels = np.zeros((32, 32), np.uint16)
        labels[4:10, 4:10], labels[16:24, 16:24] = 1, 2
        for kind, content in (("images", (labels > 0).astype(np.uint8) * 90 + number), ("masks", labels)):
            (tmp_path / kind).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / kind / f"{number:02d}.tif", content)
    store_catalogue(
        Catalogue(
            key=catalogue_key(),
            formulations=tuple(Offer(name=name, title=name.capitalize()) for name in NAMES),
            architectures=(Offer(name="unet", title="Net"),),
            sections=RunConfig.model_json_schema(),
        )
    )
    project, problems = Project.create(tmp_path / "project", [tmp_path / "images"])
    problems += project.import_masks()
    project.close()
    assert not problems
    return tmp_path / "project"


def _compare(hand: Driver, *names: str) -> BakeOffDialog:
    """Open the window of comparisons and choose candidates."""
    hand.wait(lambda: hand.session.document is not None and hand.session.jobs.catalogue, what="the project")
    hand.action("train.compare")
    dialog = hand.dialog(BakeOffDialog)
    hand.wait(lambda: dialog.setup.formulations.names(), what="the ways to find objects")
    assert dialog.setup.formulations.ticked() == ["joint"]  # what is proposed of those that there are
    dialog.setup.formulations.tick("joint", ticked=False)
    for name in names:
        dialog.setup.formulations.tick(name)
    return dialog


@pytest.mark.timeout(120)
def test_several_ways_are_compared_and_the_winner_is_taken(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        dialog = _compare(hand, "fair")
        assert "needs two or more" in dialog.setup.problem
        dialog.setup.formulations.tick("breaks")
        # The keys do what the mouse does.
        row = dialog.setup.formulations.names().index("good")
        dialog.setup.formulations.list.setCurrentRow(row)
        QTest.keyClick(dialog.setup.formulations.list, Qt.Key.Key_Space)
        assert {item.key for item in dialog.setup.chosen()} == {"fair:unet", "breaks:unet", "good:unet"}
        dialog.setup.share.setCurrentIndex(1)
        assert dialog.setup.estimate().startswith("3 candidates, 3.33 min each")
        hand.wait(lambda: not dialog.setup.problem, what="the labels")
        hand.click(dialog, "Compare")
        runner = hand.session.bake_off.runner
        hand.wait(lambda: runner.record is not None and runner.record.over, what="the result")
        assert "Good · Net wins on these images" in dialog._title.text()
        table = dialog.standing.table
        assert [table.text_of(place).split(" ")[0] for place in range(3)] == ["Good", "Fair", "Breaks"]
        assert "The memory did not suffice. Choose a smaller network." in table.text_of(2)
        hand.wait(lambda: len(dialog.standing.plotted()) == 2, what="the curves")
        assert hand.window.banners.messages()[0].text.startswith("Good · Net wins")
        labels = hand.session.bake_off.runner.record.samples[0].labels
        assert labels is not None
        assert labels.parent.suffix == ".labels"  # a copy: labelling goes on meanwhile
        hand.wait(lambda: not labels.parent.exists(), what="the copies to go when nobody needs them any more")
        assert len(list((folder / "labels").glob("*.tif"))) == 30
        table.selectRow(1)
        hand.click(dialog, "Take Fair · Net")
        table.clearSelection()
        hand.click(dialog, "Take the winner")
        setup = hand.window.training.setup
        assert setup.wish().formulation.name == "good"
        winner = dialog.standing.winner()
        assert winner is not None
        hand.wait(
            lambda: (
                {run.name for run in hand.session.runs.all}
                == {f"Comparison 1: {name} · Net" for name in ("Good", "Fair", "Breaks")}
            ),
            what="the list of trainings",
        )
        assert predicts(hand) == "Comparison 1: Good · Net", "the one that was taken, not the one that learned last"
        about = hand.window.training.doctor
        assert (about.run_id, about.title.text()) == (winner.run, "About Comparison 1: Good · Net")

    def predicts(hand: Driver) -> str:
        run = hand.session.models.run
        assert run is not None
        assert hand.window.prediction._model.run_id() == run.id
        return run.name

    def come_back(hand: Driver) -> None:
        hand.wait(lambda: hand.session.runs.all, what="the list of trainings")
        assert predicts(hand) == "Comparison 1: Good · Net"

    run_program([str(folder)], script)
    run_program([str(folder)], come_back)


@pytest.mark.timeout(120)
def test_a_comparison_that_the_window_closed_over_is_taken_up_again(folder: Path, qapp: object) -> None:
    def leave(hand: Driver) -> None:
        dialog = _compare(hand, "waits", "good")
        hand.wait(lambda: not dialog.setup.problem, what="the labels")
        hand.click(dialog, "Compare")
        hand.wait(lambda: hand.session.bake_off.runner.current is not None, what="the first candidate")
        row = hand.session.bake_off.runner.current
        while row is not None and row.candidate.formulation.name != "waits":
            hand.wait(lambda now=row: hand.session.bake_off.runner.current != now, what="the next candidate")
            row = hand.session.bake_off.runner.current
        hand.wait(lambda: hand.session.runs.training and hand.session.runs.training.metric, what="its first figures")
        hand.when_asked("Stop and keep the best", name="close-while-training")
        hand.window.close()

    run_program([str(folder)], leave)

    def come_back(hand: Driver) -> None:
        hand.wait(hand.window.banners.messages, what="the notice")
        assert "was stopped after 1 of 2 candidates. Train › Compare networks… goes on" in " ".join(
            notice.text for notice in hand.window.banners.messages()
        )
        hand.action("train.compare")
        dialog = hand.dialog(BakeOffDialog)
        assert dialog.standing.now().startswith("Stopped")
        hand.click(dialog, "Go on")
        runner = hand.session.bake_off.runner
        hand.wait(lambda: runner.record is not None and runner.record.over, what="the result")
        assert {row.state for row in runner.record.rows} == {"done"}
        hand.click(dialog, "New comparison…")
        hand.click(dialog, "Last result")
        hand.click(dialog, "Close")
        hand.wait(lambda: not dialog.isVisible(), what="the window to close")

    run_program([str(folder)], come_back)


def test_what_cannot_be_compared_is_said_before_the_click(qtbot: QtBot) -> None:
    setup = BakeOffSetup()
    qtbot.addWidget(setup)
    assert setup.problem == ""  # nothing is known yet
    proposed = [Offer(name=name, title=name) for name, _network in DEFAULT_CANDIDATES]
    boxes = Offer(name="boxes", title="Boxes", result="boxes")
    zoo = Offer(name="zoo", title="Zoo")
    network = Offer(name=DEFAULT_CANDIDATES[0][1], title="Net")
    setup.show_catalogue(Catalogue(key="", formulations=(boxes, zoo, *proposed), architectures=(network,)))
    assert setup.formulations.names() == [*(name for name, _network in DEFAULT_CANDIDATES), "zoo", "boxes"]
    assert len(setup.chosen()) == len(DEFAULT_CANDIDATES)
    setup.formulations.tick("boxes")
    assert "boxes" not in {item.formulation.name for item in setup.chosen()}
    for summary, sentence in (
        (SplitSummary(0, 2, 0, 0), "Nothing is labelled for training"),
        (SplitSummary(3, 0, 0, 9), "No labelled image is kept for validation"),
    ):
        setup.show_summary(summary)
        assert setup.problem.startswith(sentence)
    setup.show_summary(SplitSummary(3, 2, 0, 9))
    assert setup.problem == ""
    assert "So few cannot tell candidates apart" in setup._images.text()
    left_out = setup.chosen()[0]
    setup.candidates.tick(left_out.key, ticked=False)
    assert left_out not in setup.chosen()
    setup.formulations.tick(setup.chosen()[0].formulation.name, ticked=False)
    assert left_out not in setup.chosen()  # it stays left out
    assert setup.minutes_each() == 10
