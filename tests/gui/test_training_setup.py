"""The form of the step Train with plug-ins that are missing or broken, and with a model to start from."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from segstudio.config.base import Config, param
from segstudio.config.run import RunConfig
from segstudio.core.errors import WrongUsage
from segstudio.gui.panels.training import TrainingPanel
from segstudio.gui.panels.training_setup import TrainingSetup
from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.jobs.messages import Finished
from segstudio.jobs.spec import Choice, TrainJob, ValidateJob
from segstudio.session.job import Job
from segstudio.session.job_specs import SplitSummary
from segstudio.session.network_words import BLENDED
from segstudio.session.runs import Run
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

JOINT, SEMANTIC = Offer(name="joint", title="Cells"), Offer(name="semantic", title="Areas", separates=False)
STARDIST = Offer(name="stardist", title="Round objects")
UNET, FPN = Offer(name="unet", title="U-Net"), Offer(name="fpn", title="FPN", sees_whole=True)


class Norm(Config):
    """Network."""

    normalisation: Literal["batch", "group"] = param("batch", title="Normalisation")
    """Of each layer."""


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session()
    yield made
    made.close()


def offer(session: Session, formulations: tuple[Offer, ...], networks: tuple[Offer, ...], **broken: str) -> None:
    session.jobs.offers.catalogue = Catalogue(
        key="",
        formulations=formulations,
        architectures=networks,
        sections=RunConfig.model_json_schema(),
        broken=broken,
    )
    session.jobs.catalogue_changed.emit()


def said(widget: Any) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


def test_what_is_chosen_at_first_may_be_missing(session: Session, qtbot: QtBot) -> None:
    setup = TrainingSetup(session)
    qtbot.addWidget(setup)
    offer(session, (SEMANTIC, STARDIST), (FPN,), joint="ImportError: no numba", unet="SyntaxError: line 3")
    wish = setup.wish()
    assert (wish.formulation.name, wish.architecture.name) == ("stardist", "fpn")
    assert "cannot be loaded: joint, unet." in said(setup)
    assert "data.patch_size" in setup.form.rows


def test_a_choice_stays_when_the_list_is_read_again(session: Session, qtbot: QtBot) -> None:
    setup = TrainingSetup(session)
    qtbot.addWidget(setup)
    offer(session, (JOINT, SEMANTIC), (UNET, FPN))
    assert setup.wish().formulation.name == "joint"
    setup._formulation.setCurrentIndex(setup._formulation.findData("semantic"))
    offer(session, (JOINT, SEMANTIC, STARDIST), (UNET, FPN))
    assert setup.wish().formulation.name == "semantic"
    assert "cannot be loaded" not in said(setup)


def test_without_any_network_the_step_says_so(session: Session, qtbot: QtBot) -> None:
    panel = TrainingPanel(session)
    qtbot.addWidget(panel)
    with pytest.raises(WrongUsage, match="still being read"):
        panel.setup.wish()
    offer(session, (JOINT,), ())
    with pytest.raises(WrongUsage, match="No network could be loaded"):
        panel.setup.wish()
    session.project = SimpleNamespace(read_only=False)  # type: ignore[assignment] # nothing else is read from it here
    panel._show_summary(SplitSummary(2, 1, 0, 20))
    session.project = None
    assert "No network could be loaded" in said(panel)
    assert not panel._train.isEnabled()


def test_what_a_start_cannot_give_is_said_below_it(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = TrainJob(
        job_id="j", name="Model 1", run_folder=Path("r"), samples=(), classes=(), formulation=Choice(name="joint")
    )
    run = Run("j", "Model 1", Path("r"), "done", job, best=None, has_model=True, in_channels=1)
    monkeypatch.setattr(session.runs, "all", [run])
    monkeypatch.setattr(session.runs, "run", lambda run_id: run if run_id == "j" else None)
    checked: list[ValidateJob] = []
    monkeypatch.setattr(session.jobs, "validate", lambda job: checked.append(job) or job.job_id)
    setup = TrainingSetup(session)
    qtbot.addWidget(setup)
    offer(session, (JOINT, SEMANTIC), (UNET, FPN))
    setup._start.box.setCurrentIndex(1)
    assert checked[-1].start_from == run.model  # its network counts, not that of the form
    assert "begins anew" not in said(setup)
    setup._formulation.setCurrentIndex(setup._formulation.findData("semantic"))
    assert "Model 1 was made for Cells, so that its last layer begins anew." in said(setup)
    setup._start.box.setCurrentIndex(0)
    assert "begins anew" not in said(setup)


def test_settings_that_let_a_network_see_the_whole_tile_are_said_below_it(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ValidateJob] = []
    monkeypatch.setattr(session.jobs, "validate", lambda job: asked.append(job) or job.job_id)
    monkeypatch.setattr(session.jobs, "job", lambda job_id: Job(job_id, "", asked[-1]) if asked else None)

    def answer(sees_whole: int) -> None:
        job_id = asked[-1].job_id
        session.jobs.message.emit(job_id, Finished(job_id=job_id, outcome="done", summary={"sees_whole": sees_whole}))

    setup = TrainingSetup(session)
    qtbot.addWidget(setup)
    unet = UNET.model_copy(update={"settings": Norm.model_json_schema()})
    offer(session, (JOINT, SEMANTIC), (unet, FPN))
    assert BLENDED not in said(setup)
    setup.change({"architecture.normalisation": "group"})
    answer(1)
    assert BLENDED in said(setup)
    setup._formulation.setCurrentIndex(setup._formulation.findData("semantic"))
    answer(1)
    assert BLENDED in said(setup)
    setup.change({"architecture.normalisation": "batch"})
    late = asked[-1].job_id
    setup._architecture.setCurrentIndex(setup._architecture.findData("fpn"))
    session.jobs.message.emit(late, Finished(job_id=late, outcome="done", summary={"sees_whole": 0}))
    assert BLENDED in said(setup)
