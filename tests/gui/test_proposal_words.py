"""What is said about the proposal in focus: its score is no scale of the threshold and no probability."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from segstudio.gui.panels.proposals import Proposals as ProposalPanel
from segstudio.session.predictions import Decisions, Proposal
from segstudio.session.proposals import Proposals
from segstudio.session.session import Session


def test_how_clear_a_proposal_is_is_told_as_a_score(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    session = Session()
    panel = ProposalPanel(session)
    qtbot.addWidget(panel)
    session.review._proposals = Proposals(None, {8: Proposal(8, 1, 0.08)}, Decisions())
    session.review.current = 8
    panel.refresh()
    assert panel._focus.text() == "Proposal 8: object, score 0.08"
    assert "The threshold judges single pixels" in panel._focus.toolTip()
    session.close()
