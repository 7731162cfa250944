"""Keys of presets and of the user over our own: never one key at two actions."""

from collections import Counter
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from segstudio.config.preferences import Preferences
from segstudio.gui.key_bindings import RESERVED, bind
from segstudio.gui.key_choice import KeyChoice
from segstudio.gui.key_presets import PRESETS
from segstudio.gui.main_window import MainWindow
from segstudio.io.preferences_file import preferences_path, read_what_is_good, write_preferences
from segstudio.session.session import Session

_OWN = {"tool.brush": ("B", "P"), "tool.rectangle": ("R",), "tool.fill": ("F",), "view.reset": ()}


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_no_preset_gives_one_key_to_two_actions_or_leaves_one_without(qtbot: QtBot) -> None:
    path = preferences_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"key_preset": "napari", "minimap": [], "shortcuts": {"tool.fill": ["Foo"], "tool.brush": 3}}')
    window = MainWindow(Session(lambda call: call()))
    qtbot.addWidget(window)
    table = window.actions_table
    (notice,) = window.banners.messages()
    assert all(name in notice.message for name in ("minimap", "tool.fill: Foo", "tool.brush"))
    assert [key.toString() for key in table["tool.erase"].shortcuts()] == ["E", "1"]
    assert "(E)" in table["tool.erase"].toolTip()
    own = {spec.id: spec.keys for spec in table.specs.values()}
    for name, preset in PRESETS.items():
        bindings = bind(own, preset)
        assert bindings.passed_over == (), name
        counted = Counter(key for keys in bindings.keys.values() for key in keys)
        assert not [key for key, times in counted.items() if times > 1 or key in RESERVED], name
        assert not [action for action, keys in own.items() if keys and not bindings.keys[action]], name
    window.close()


def test_a_key_is_taken_from_the_action_below_and_comes_back() -> None:
    choice = KeyChoice(_OWN, "SegStudio", {})
    assert choice.take("tool.brush", ("R", "P")) == {"tool.rectangle": "R"}
    assert choice.bindings.keys["tool.rectangle"] == ()
    assert choice.changed == {"tool.brush": ("R", "P")}
    assert choice.take("tool.rectangle", ("Shift+R", "H")) == {}, "H does something while it is held"
    assert choice.take("tool.fill", ("Shift+R",)) == {"tool.rectangle": "Shift+R"}
    assert choice.reset("tool.rectangle") == {"tool.brush": "R"}
    assert choice.changed == {"tool.brush": ("P",), "tool.fill": ("Shift+R",)}
    choice.like("napari")
    assert choice.bindings.keys["tool.brush"] == ("P",)
    choice.reset_all()
    assert choice.bindings.keys["tool.brush"] == ("P", "2")


def test_a_choice_begins_with_what_can_be_used() -> None:
    choice = KeyChoice(_OWN, "SegStudio", {"tool.brush": ("Foo",), "tool.fill": ("H", "X"), "tool.laser": ("L",)})
    assert choice.changed == {"tool.fill": ("X",)}


def test_what_means_nothing_is_passed_over_and_the_rest_is_used() -> None:
    changed = {"tool.brush": ("Foo", "R", "Space"), "tool.fill": ("R",), "tool.wand": ("W",), "view.reset": ("ctrl+j",)}
    bindings = bind(_OWN, changed)
    assert bindings.keys == {"tool.brush": ("R",), "tool.rectangle": (), "tool.fill": ("F",), "view.reset": ("Ctrl+J",)}
    assert bindings.passed_over == ("tool.brush: Foo", "tool.brush: Space", "tool.fill: R", "tool.wand")


@pytest.mark.parametrize(
    ("content", "passed_over"),
    [
        ("", ("preferences.json",)),
        ("[]", ("preferences.json",)),
        ('{"theme": "light"}', ()),
        ('{"theme": "light", "moon": 1, "shortcuts": 5}', ("moon", "shortcuts")),
        ('{"theme": "light", "shortcuts": {"a.b": ["X", 5], "c.d": ["Y"]}}', ("a.b",)),
    ],
)
def test_one_wrong_value_leaves_the_other_preferences_as_they_are(
    content: str, passed_over: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "preferences.json"
    path.write_text(content)
    preferences, names = read_what_is_good(path)
    assert tuple(sorted(names)) == passed_over
    assert preferences.theme == ("light" if "light" in content else Preferences().theme)
    assert dict(preferences.shortcuts) == ({"c.d": ("Y",)} if "c.d" in content else {})
    write_preferences(path, preferences)
    assert read_what_is_good(path) == (preferences, ())
