from collections.abc import Callable
from typing import Any, Literal

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QWidget
from pytestqt.qtbot import QtBot

from segstudio.config.base import Config, param
from segstudio.config.form_spec import form_spec
from segstudio.config.run import RunConfig
from segstudio.gui.forms.editors import CalmSpinBox, NumberBox
from segstudio.gui.forms.field_row import describe
from segstudio.gui.forms.form import Form
from segstudio.gui.forms.parts import ElidedLabel

#: The platform without a screen says so of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


class Example(Config):
    """Example."""

    minutes: float = param(10.0, title="Minutes", unit="min", ge=0.0, le=1000.0, zero="no limit")
    """How long."""
    rate: float = param(5e-3, title="Rate", ge=1e-7, le=1.0, log=True)
    """How fast."""
    size: int = param(8, title="Size", unit="px", ge=0, le=512, zero="automatic")
    """How large."""
    flips: bool = param(True, title="Flips")
    """Turn around."""
    schedule: Literal["auto", "plateau"] = param("auto", title="Schedule")
    """When."""
    rays: Literal[32, 64] = param(32, title="Rays", advanced=True)
    """How many."""
    seed: int = param(0, title="Seed", ge=0, advanced=True)
    """Start of chance."""
    decay: float = param(0.5, title="Decay", ge=0.0, le=1.0, advanced=True)
    """Towards zero."""


FIELDS = form_spec(Example.model_json_schema())


@pytest.fixture
def form(qtbot: QtBot) -> Form:
    made = Form(FIELDS)
    qtbot.addWidget(made)
    made.show()
    return made


def test_a_form_shows_the_defaults_and_reports_no_overrides(form: Form) -> None:
    assert Example.model_validate(form.values()) == Example()
    assert form.overrides() == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("minutes", 2.5),
        ("rate", 1e-5),
        ("size", 64),
        ("flips", False),
        ("schedule", "plateau"),
        ("rays", 64),
        ("seed", 7),
    ],
)
def test_each_kind_of_value_goes_in_and_comes_out(form: Form, path: str, value: Any) -> None:
    form.set_values({path: value})
    assert form.overrides() == {path: value}
    assert Example.model_validate(form.settings()) == Example.model_validate({path: value})


def test_the_arrow_appears_for_a_changed_setting_and_brings_the_default_back(form: Form, qtbot: QtBot) -> None:
    row = form.rows["size"]
    assert not row._reset.isVisible()
    form.set_values({"size": 64})
    assert row._reset.isVisible()
    with qtbot.waitSignal(form.changed) as heard:
        qtbot.mouseClick(row._reset, Qt.MouseButton.LeftButton)
    assert heard.args == ["size"]
    assert form.overrides() == {}


def test_five_settings_are_in_sight_and_the_rest_is_found_by_search(form: Form) -> None:
    assert [path for path, row in form.rows.items() if row.isVisible()] == [
        "minutes",
        "rate",
        "size",
        "flips",
        "schedule",
    ]
    form.advanced.open()
    assert form.rows["seed"].isVisible()
    form.advanced.search.setText("towards")
    assert form.rows["decay"].isVisible()
    assert not form.rows["seed"].isVisible()


def _built(form: Form) -> set[str]:
    return {path for path, row in form.rows.items() if row.is_built}


def test_only_what_is_seen_is_built(qtbot: QtBot) -> None:
    made = Form(form_spec(RunConfig.model_json_schema()), ["training.epochs", "training.seed"])
    qtbot.addWidget(made)
    made.show()
    assert len(made.rows) > 40
    made.set_values({"training.epochs": 3, "training.momentum": made.rows["training.momentum"].field.default})
    assert made.settings() == {"training": {"epochs": 3}}
    made.set_errors({})
    seen = {"training.epochs", "training.seed"}
    assert _built(made) == seen
    made.advanced.open()
    assert _built(made) == seen, "the groups are folded"
    group = made.advanced._groups[0]
    qtbot.mouseClick(group.heading, Qt.MouseButton.LeftButton)
    assert _built(made) == seen | {row.field.path for row in group.rows}
    assert "augmentation.flips" not in _built(made)
    made.set_values({"training.epochs": 3, "augmentation.flips": False})
    assert made.overrides() == {"training.epochs": 3, "augmentation.flips": False}


def test_the_keys_go_through_settings_from_top_to_bottom_whatever_was_built_last(qtbot: QtBot) -> None:
    made = Form(form_spec(RunConfig.model_json_schema()), ["training.epochs"])
    qtbot.addWidget(made)
    made.resize(360, 2000)
    made.show()
    made.advanced.open()
    for group in (made.advanced._groups[2], made.advanced._groups[0]):
        group.unfold()
    qtbot.wait(20)
    walk, widget = list[QWidget](), made.advanced.search.nextInFocusChain()
    while widget is not made.advanced.search:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None and widget.isVisible():
            walk.append(widget)
        widget = widget.nextInFocusChain()
    below = [each for each in walk if made.advanced._body.isAncestorOf(each)]
    places = [each.mapTo(made, QPoint(0, 0)).y() for each in below]
    assert len(places) > 10
    assert places == sorted(places)


def test_an_error_stands_at_its_field_and_opens_what_is_folded_away(form: Form) -> None:
    rest = form.set_errors({"decay": "Too large.", "elsewhere": "Unknown."})
    assert form.rows["decay"].isVisible()
    assert form.rows["decay"].error() == "Too large."
    assert rest == {"elsewhere": "Unknown."}
    form.set_errors({})
    assert form.rows["decay"].error() == ""


def test_typing_a_value_clears_its_error(form: Form, qtbot: QtBot) -> None:
    form.set_errors({"size": "Too small."})
    editor = form.rows["size"].editor.focusProxy()
    editor.setFocus()
    editor.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(editor, "96")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert form.overrides() == {"size": 96}
    assert form.rows["size"].error() == ""


def test_tooltips_give_help_range_unit_and_default(form: Form) -> None:
    tip = form.rows["minutes"].editor.toolTip()
    for words in ("How long.", "0 to 1000 min", "Default: 10 min"):
        assert words in tip


def test_values_are_described_in_words() -> None:
    named = {field.path: field for field in FIELDS}
    assert describe(named["minutes"], 0.0) == "no limit"
    assert describe(named["size"], 64) == "64 px"
    assert describe(named["flips"], True) == "on"


def test_the_wheel_scrolls_the_panel_and_changes_no_setting(form: Form) -> None:
    editor = form.rows["size"].editor.focusProxy()
    place = QPointF(5, 5)
    event = QWheelEvent(
        place,
        QPointF(editor.mapToGlobal(QPoint(5, 5))),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    form.setFocus()
    QApplication.sendEvent(editor, event)
    assert form.overrides() == {}


def test_all_settings_of_a_run_have_an_editor_and_keep_their_defaults(qtbot: QtBot) -> None:
    form = Form(form_spec(RunConfig.model_json_schema()))
    qtbot.addWidget(form)
    assert form.overrides() == {}
    assert RunConfig.model_validate(form.settings()) == RunConfig()


@pytest.mark.parametrize(
    ("start", "step", "end"),
    [
        (lambda box: box.setValue(0.005), 1, 0.01),
        (lambda box: box.setValue(0.01), -1, 0.005),
        (lambda box: box.setValue(0.003), 1, 0.005),
        (lambda box: box.setValue(1e-6), -1, 5e-7),
    ],
)
def test_logarithmic_steps_go_one_two_five(
    qtbot: QtBot, start: Callable[[NumberBox], None], step: int, end: float
) -> None:
    box = NumberBox(log=True)
    qtbot.addWidget(box)
    box.setRange(1e-7, 1.0)
    start(box)
    box.stepBy(step)
    assert box.value() == pytest.approx(end)


@pytest.mark.parametrize("text", ["1e-5", "0.00001", "1E-05"])
def test_small_numbers_can_be_typed_as_a_scientist_writes_them(qtbot: QtBot, text: str) -> None:
    box = NumberBox()
    qtbot.addWidget(box)
    box.setRange(0.0, 1.0)
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == pytest.approx(1e-5)
    assert box.text() == "1e-05"


@pytest.mark.parametrize("kind", [CalmSpinBox, NumberBox])
def test_a_double_click_takes_hold_of_the_whole_number(qtbot: QtBot, kind: type[CalmSpinBox | NumberBox]) -> None:
    box = kind()
    box.setRange(0, 500)
    box.setSuffix(" min")
    box.setValue(10)
    qtbot.addWidget(box)
    box.resize(160, 30)
    box.show()
    inner = box.lineEdit()
    for place in (inner.rect().topLeft() + QPoint(12, 8), inner.rect().center()):
        box.setValue(10)
        QTest.mouseClick(inner, Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(inner, Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseRelease(inner, Qt.MouseButton.LeftButton, pos=place)
        assert inner.selectedText() == "10"
        QTest.keyClicks(box, "2")
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert box.value() == 2


def test_the_tab_key_takes_hold_of_the_whole_number(qtbot: QtBot) -> None:
    box = CalmSpinBox()
    box.setSuffix(" min")
    box.setValue(10)
    qtbot.addWidget(box)
    box.show()
    QApplication.sendEvent(box, QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.TabFocusReason))
    assert box.lineEdit().selectedText() == "10"


def test_a_line_that_changes_with_every_mouse_move_lays_nothing_out(qtbot: QtBot) -> None:
    panel = QWidget()
    line, number = ElidedLabel(), QLabel("7")
    layout = QHBoxLayout(panel)
    layout.addWidget(line, 1)
    layout.addWidget(number)
    qtbot.addWidget(panel)
    panel.resize(300, 40)
    panel.show()
    QApplication.processEvents()
    empty = line.grab().toImage()
    asked: list[QEvent.Type] = []

    class Ears(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            asked.append(event.type())
            return False

    ears = Ears()
    panel.installEventFilter(ears)
    line.setText("x 812  y 340")
    QApplication.processEvents()
    assert QEvent.Type.LayoutRequest not in asked
    assert line.grab().toImage() != empty, "and yet it is drawn"
    line.setText("a sentence that is longer than the panel is wide, so that its end is cut off")
    assert line.text().endswith("…")
    assert line.toolTip().endswith("cut off")
    number.setText("700,000")
    QApplication.processEvents()
    assert QEvent.Type.LayoutRequest in asked, "what Qt's own label does"


def test_many_advanced_settings_are_folded_by_group_and_found_by_search(qtbot: QtBot) -> None:
    made = Form(form_spec(RunConfig.model_json_schema()), ["training.max_minutes"])
    qtbot.addWidget(made)
    made.show()
    made.advanced.open()
    seed, flips = made.rows["training.seed"], made.rows["augmentation.flips"]
    headings = {group._title: group.heading for group in made.advanced._groups}
    assert headings["Training"].isVisible()
    assert not seed.isVisible()
    qtbot.mouseClick(headings["Training"], Qt.MouseButton.LeftButton)
    assert seed.isVisible()
    assert not flips.isVisible()
    made.advanced.search.setText("flips")
    assert flips.isVisible()
    assert not seed.isVisible()
    made.advanced.search.setText("")
    assert seed.isVisible()
    assert not flips.isVisible()
    made.set_values({"augmentation.flips": False})
    assert headings["Augmentation"].text() == "Augmentation (1 changed)"
    made.set_errors({"augmentation.flips": "This cannot be."})
    assert flips.isVisible()
