"""The rows of the history outlive nobody: pictures may come when their window is gone."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from segstudio.gui.dialogs.history_rows import HistoryRows


def test_a_picture_that_comes_after_the_window_was_closed_is_put_away(qtbot: QtBot) -> None:
    asked: list[Callable[[Any], None]] = []
    earlier = SimpleNamespace(picture=lambda _number, _size, _colours, then: asked.append(then))
    parent = QWidget()
    rows = HistoryRows(cast("Any", SimpleNamespace(earlier=earlier)), parent)
    rows.show_states((cast("Any", SimpleNamespace(number=1)),), "image")
    rows.data(rows.index(0), Qt.ItemDataRole.DecorationRole)
    (then,) = asked
    then(np.zeros((4, 4, 3), np.uint8))
    assert not rows.data(rows.index(0), Qt.ItemDataRole.DecorationRole).isNull()
    delete(parent)
    then(np.zeros((4, 4, 3), np.uint8))
