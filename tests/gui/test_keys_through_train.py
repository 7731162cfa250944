"""The Tab key walks through the step Train as the eye does, whatever was made last."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from segstudio.config.run import RunConfig
from segstudio.gui.panels.doctor import FindingCard
from segstudio.gui.panels.training import TrainingPanel
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.session.doctor import Finding, Remedy
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def panel(qtbot: QtBot) -> TrainingPanel:
    offers = (Offer(name="joint", title="Cells"), Offer(name="boundary", title="Outlines"))
    networks = (Offer(name="unet", title="Net"),)
    store_catalogue(
        Catalogue(
            key=catalogue_key(), formulations=offers, architectures=networks, sections=RunConfig.model_json_schema()
        )
    )
    session = Session()
    made = TrainingPanel(session)
    qtbot.addWidget(made)
    made.resize(360, 900)
    made.show()
    for part in (made.setup, made.rates, made._footer):
        part.show()
    return made


def _walk(start: QWidget) -> list[QWidget]:
    """Return what the Tab key comes to from `start`, once round."""
    found, widget = [start], start.nextInFocusChain()
    while widget is not start:
        reached = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        if reached and widget.isVisible() and widget.isEnabled():
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def _button(panel: TrainingPanel, text: str) -> QPushButton:
    return next(button for button in panel.findChildren(QPushButton) if button.text() == text)


def test_settings_come_before_the_buttons_below_them(panel: TrainingPanel) -> None:
    for _ in range(2):
        walk = _walk(panel.setup._name)
        minutes = panel.setup.form.rows["training.max_minutes"].editor
        places = [
            walk.index(panel.setup._device),
            next(number for number, widget in enumerate(walk) if minutes.isAncestorOf(widget) or widget is minutes),
            walk.index(_button(panel, "Patches…")),
            walk.index(_button(panel, "Find a learning rate")),
        ]
        assert places == sorted(places)
        panel.setup._formulation.setCurrentIndex(1)  # the form is made anew


def test_the_button_of_a_finding_comes_before_the_form(panel: TrainingPanel) -> None:
    remedy = Remedy("Label more", action="label")
    panel.doctor.show()
    panel.doctor._fill((Finding(code="x", severity="note", sentence="S.", evidence="E.", advice="A.", remedy=remedy),))
    (card,) = panel.doctor.findChildren(FindingCard)
    card.show()
    walk = _walk(panel.doctor._close)
    assert walk.index(card.findChild(QPushButton)) < walk.index(panel.setup._name)
