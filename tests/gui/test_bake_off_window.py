"""What the window of a comparison says of a winner, and of none."""

from pathlib import Path

import pytest
from bake_off_records import scored
from pytestqt.qtbot import QtBot

from segstudio.config.run import RunConfig
from segstudio.gui.panels.bake_off import BakeOffDialog
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.session.bake_off_record import record_path
from segstudio.session.job_specs import TrainingWish
from segstudio.session.session import Session

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

CLEAR = [9, 8, 9, 8, 9, 8], [5, 6, 5, 6, 5, 6]
LEVEL = [9, 2, 8, 3, 9, 3], [2, 9, 4, 7, 3, 8]


@pytest.fixture
def session() -> Session:
    offers = (Offer(name="joint", title="Cells"),)
    networks = (Offer(name="unet", title="Net"),)
    sections = RunConfig.model_json_schema()
    store_catalogue(Catalogue(key=catalogue_key(), formulations=offers, architectures=networks, sections=sections))
    return Session()


def _wish() -> TrainingWish:
    raise AssertionError("nothing is begun here")


def test_a_winner_is_named_only_where_there_is_one(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    runner = session.bake_off.runner
    runner.show(record_path(tmp_path, "x"), scored(*LEVEL))
    dialog = BakeOffDialog(session, _wish)
    qtbot.addWidget(dialog)
    table = dialog.standing.table
    assert dialog._take.text() == "Take C0"
    assert "ahead, not apart" in table.text_of(0)
    assert not table.item(0, 0).font().bold()
    assert not any(table.item(place, 0).font().weight() > 400 for place in range(2))
    table.selectRow(1)
    assert dialog._take.text() == "Take C1"

    runner.show(runner.path, scored(*CLEAR))
    table.clearSelection()
    assert dialog._take.text() == "Take the winner"
    assert "best" in table.text_of(0)
    assert table.item(0, 0).font().weight() > table.item(1, 0).font().weight()

    going_on = scored(*CLEAR, [5] * 6).changed("c2", state="waiting", evaluation=None)
    runner.show(runner.path, going_on)
    assert dialog._take.text() == "Take C0", "nobody has won before the end"
    dialog.close()
    session.close()
