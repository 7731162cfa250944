"""The window about a network: figures of the network of the form, its receptive field, the inside of a model."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from factories import cells
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from window_driver import Driver, run_program

from segstudio.config.run import RunConfig
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, save_model
from segstudio.gui.dialogs.network import NetworkDialog
from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.jobs.messages import Finished
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob
from segstudio.project.project import Project
from segstudio.session.network_words import BLENDED

SMALL = {"width": 4, "depth": 1}
SETTINGS = {"properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 6, "default": 1, "title": "Depth"}}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    images, masks = tmp_path / "images", tmp_path / "masks"
    for number in range(2):
        made = cells((80, 96), 6, number)
        for place, content in ((images, made.image), (masks, made.labels.astype(np.uint16))):
            place.mkdir(exist_ok=True)
            tifffile.imwrite(place / f"{number}.tif", content)
    formulation_offers = (
        Offer(name="joint", title="Cells", description="Finds cells."),
        Offer(name="semantic", title="Areas", description="Finds areas.", separates=False),
        Offer(name="stars", title="Stars", description="Finds stars."),
        Offer(name="detector", title="Detector", description="Finds boxes.", own_network=True, result="boxes"),
    )
    network_offers = (
        Offer(name="zoom", title="Zoom", description="Sees all.", sees_whole=True),
        Offer(name="unet", title="U-Net", description="The standard.", settings=SETTINGS),
    )
    catalogue = Catalogue(
        key="",
        formulations=formulation_offers,
        architectures=network_offers,
        sections=RunConfig.model_json_schema(),
    )
    monkeypatch.setattr("segstudio.session.known_catalogue.load_catalogue", lambda *_: catalogue)
    project, problems = Project.create(tmp_path / "project", [images])
    problems += project.import_masks()
    project.close()
    assert not problems
    return tmp_path / "project"


def _model(folder: Path) -> None:
    run = RunFolder.create(
        TrainJob(
            job_id="1",
            name="Model 1",
            run_folder=folder / "runs" / "1",
            samples=(),
            classes=(ClassSpec(id=1, name="c"),),
        )
    )
    formulation, family = formulations.get("joint")(), architectures.get("unet")
    torch.manual_seed(0)
    network = family(family.Config.model_validate(SMALL)).build(1, formulation.out_channels)
    card = ModelCard(
        name="Model 1",
        created="2026-11-21T00:00:00",
        formulation=Choice(name="joint"),
        architecture=Choice(name="unet", settings=SMALL),
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="c"),),
    )
    save_model(run.model, card, network.state_dict())
    run.append(Finished(job_id="1", outcome="done"))


def _open(hand: Driver) -> NetworkDialog:
    hand.wait(lambda: hand.session.document is not None, what="the image")
    hand.window.show_step(1)
    setup = hand.window.training.setup
    hand.wait(lambda: setup.isVisible() and hand.session.jobs.catalogue is not None, what="the form")
    hand.click(setup, "Network…")
    return hand.dialog(NetworkDialog)


def test_the_network_of_the_form_is_described_and_drawn_on_the_image(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _model(folder)
    saved = tmp_path / "layers.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))

    def script(hand: Driver) -> None:
        dialog = _open(hand)
        reports, canvas = dialog.reports, hand.window.canvas
        titles = dialog.inside.tree.model()
        assert titles.headerData(0, Qt.Orientation.Horizontal) == "Layer"  # before any layer is known
        hand.wait(lambda: reports.report is not None or reports.error, 120, "the report")
        assert reports.error == ""
        before = reports.report
        said = {figure.title: figure.text for figure in dialog.figures.sentences()}
        assert f"{before.field} × {before.field} px" in said["Receptive field"]
        assert "the median object is" in said["Receptive field"]
        assert "Exact" in said["Tiles"]

        dialog.figures.on_image.click()
        assert canvas.network.field == (True, before.field, before.object_diameter_px)
        assert 10 < before.object_diameter_px < 40
        hand.window.training.setup.form.rows["architecture.depth"].editor._box.setValue(2)
        hand.wait(lambda: reports.report is not None and reports.report.stride == 4, 60, "the deeper network")
        assert reports.report.field < before.field  # automatic is deeper
        assert canvas.network.field[1] == reports.report.field

        setup = hand.window.training.setup
        setup._architecture.setCurrentIndex(setup._architecture.findData("zoom"))  # no plug-in of that name
        hand.wait(lambda: reports.error, 60, "the reason")
        assert "zoom" in reports.error
        assert dialog.figures._empty.isVisible()
        setup._architecture.setCurrentIndex(setup._architecture.findData("unet"))
        hand.wait(lambda: reports.report is not None, 60, "the network again")

        dialog.figures.tree.setFocus()
        QTest.keyClick(dialog.figures.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert "Conv2d" in QGuiApplication.clipboard().text()
        hand.click(dialog, "Save table…")
        hand.wait(saved.exists, what="the saved table")
        assert saved.read_text().startswith("layer,kind,")

        dialog.tabs.setCurrentWidget(dialog.inside)
        dialog.model.setCurrentIndex(dialog.model.findData("1"))
        hand.wait(lambda: reports.pictures is not None or reports.inside_error, 60, "the inside")
        assert reports.inside_error == ""
        assert dialog.inside.pictures.count() == 1  # the image has one channel
        hand.wait(lambda: not reports.busy, 60, "the layers of the model")
        dialog.inside.tree.choose("encoder.0")
        hand.wait(
            lambda: reports.pictures is not None and reports.pictures.inside.layer == "encoder.0", 60, "the layer"
        )
        assert dialog.inside.pictures.count() == 4
        assert dialog.inside._about.text().startswith("All 4 channels")
        dialog.inside.on_image.click()
        assert not canvas.network.picture.isNull()
        dialog.inside.what.setCurrentIndex(1)
        assert dialog.inside.pictures.count() == 4

        folder_of_pictures = Path(reports._folder.name)
        assert any(folder_of_pictures.iterdir())
        dialog.close()
        assert not canvas.network.field[0]
        assert canvas.network.picture.isNull()
        assert not folder_of_pictures.exists()
        hand.wait(lambda: not hand.window.findChildren(NetworkDialog), 5, "the window to be forgotten")

    run_program([str(folder)], script)


def test_what_is_chosen_says_what_it_finds_and_needs(folder: Path) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.window.show_step(1)
        setup = hand.window.training.setup
        hand.wait(lambda: setup.isVisible() and setup._formulation.count(), what="the form")
        box = setup._formulation
        assert [box.itemText(row) for row in range(box.count())] == [
            "Cells",
            "Objects with their outlines",
            "Stars",
            "Areas; objects that touch become one",
            "Areas",
            "Other results",
            "Detector",
        ]
        assert box.currentData() == "joint"
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_Down)
        assert box.currentData() == "stars"  # the name of a group cannot be chosen
        assert setup._network.isVisible()
        box.setCurrentIndex(box.findData("detector"))
        assert not setup._network.isVisible()
        assert not any(path.startswith("architecture.") for path in setup.form.rows)
        assert "boxes" in setup._formulation_says.text()
        box.setCurrentIndex(box.findData("joint"))
        assert "architecture.depth" in setup.form.rows
        setup._architecture.setCurrentIndex(setup._architecture.findData("zoom"))
        assert setup._architecture_says.text() == BLENDED

    run_program([str(folder)], script)
