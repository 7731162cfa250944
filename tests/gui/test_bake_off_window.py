"""What the window of a comparison says of a winner, and of none."""

from pathlib import Path

import pytest
from bake_off_records import record_of, scored
from pytestqt.qtbot import QtBot

from segstudio.config.run import RunConfig
from segstudio.gui.panels.bake_off import BakeOffDialog
from segstudio.gui.panels.bake_off_setup import CheckList
from segstudio.gui.panels.bake_off_table import BakeOffTable
from segstudio.gui.panels.training_live import LiveTraining
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.session.bake_off_record import record_path, training_job
from segstudio.session.bake_off_result import JUDGES
from segstudio.session.job import Job
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


def test_names_that_have_no_room_are_in_the_tooltips(qtbot: QtBot) -> None:
    table, record = BakeOffTable(), scored(*CLEAR)
    qtbot.addWidget(table)
    long = "Cells and nuclei: flows, distance and boundary together · U-Net with residual blocks"
    row = record.rows[0]
    record = record.changed("c0", candidate=row.candidate.model_copy(update={"title": long}))
    failed = {"state": "failed", "error": "It broke.", "hint": "Mend it.", "evaluation": None}
    for told in (record, record.changed("c0", **failed)):
        table.show_record(told, JUDGES[0])
        (item,) = (table.item(place, 0) for place in range(2) if table.item(place, 0).text() == long)
        assert long in item.toolTip()
    assert "It broke. Mend it." in item.toolTip()
    entries = CheckList("Candidates")
    qtbot.addWidget(entries)
    entries.fill([("a", long, "It finds cells.", "")], ["a"])
    assert long in entries.list.item(0).toolTip()
    assert "It finds cells." in entries.list.item(0).toolTip()


def test_a_candidate_with_a_long_name_does_not_push_its_buttons_out_of_sight(
    session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    record = record_of("one", "two")
    live = LiveTraining(session)
    qtbot.addWidget(live)
    for name in ("Comparison 1: Cells and nuclei, flows and distance · U-Net with residual blocks", "x" * 100):
        job = training_job(record, record.rows[0], tmp_path).model_copy(update={"name": name})
        live.show_job(Job("one", name, job, state="running"))
        assert live.minimumSizeHint().width() < 320
        assert live.title.toolTip() == name
    session.close()


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
