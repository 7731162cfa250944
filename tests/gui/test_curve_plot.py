"""The curves: names lie at the ends of their lines, figures have colours of their own, numbers do not overlap."""

from itertools import combinations, pairwise

import numpy as np
import pyqtgraph as pg
import pytest
from pytestqt.qtbot import QtBot

from segstudio.gui.panels.curve_axes import log_ticks
from segstudio.gui.panels.curve_plot import CurvePlot
from segstudio.jobs.messages import Metric
from segstudio.session.curves import Curves

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
SCORES = ("val_f1", "val_iou", "val_ap")


def _curves(ends: dict[str, int]) -> Curves:
    curves = Curves()
    for run, end in ends.items():
        for epoch in range(1, end + 1):
            values = {name: 0.9 - 0.06 * place - 0.5 / epoch for place, name in enumerate(SCORES)}
            curves.add(run, Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values=values))
    return curves


def _plot(qtbot: QtBot, ends: dict[str, int], height: int = 150) -> CurvePlot:
    plot = CurvePlot("best")
    qtbot.addWidget(plot)
    plot.resize(900, height)
    plot.show()
    plot.draw(_curves(ends), list(ends), SCORES, "epochs", False)
    qtbot.wait(50)
    plot._names.place()
    return plot


def test_runs_of_different_length_do_not_push_the_names_of_one_another(qtbot: QtBot) -> None:
    plot = _plot(qtbot, {"Model 1": 40, "Model 4": 17})
    box = plot._plot.getPlotItem().vb
    pixel = (box.viewRange()[1][1] - box.viewRange()[1][0]) / box.height()
    for number in range(6):
        assert abs(plot._names._texts[number].pos().y() - plot._names._ends[number][1]) < 20 * pixel


def test_the_figures_of_a_single_run_have_colours_of_their_own(qtbot: QtBot) -> None:
    def colours(plot: CurvePlot) -> list[str]:
        curves = (item for item in plot._plot.getPlotItem().listDataItems() if isinstance(item, pg.PlotDataItem))
        return [curve.opts["pen"].color().name() for curve in curves]

    assert len(set(colours(_plot(qtbot, {"a": 9})))) == 3
    assert len(set(colours(_plot(qtbot, {"a": 9, "b": 9})))) == 2


@pytest.mark.parametrize(("low", "high"), [(-3.7, -3.0), (-0.1, 0.0), (-9.0, 2.0), (-2.0, 0.3)])
@pytest.mark.parametrize("size", [60, 110, 900])
def test_numbers_of_a_logarithmic_axis_have_room(low: float, high: float, size: int) -> None:
    ticks = log_ticks(low, high, size)
    assert len(ticks) >= 2
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    assert min(np.diff(ticks)) * size / (high - low) >= 13
    assert all(a < b for a, b in pairwise(ticks))


@pytest.mark.parametrize(("axis", "words"), [("epochs", "best: epoch 4"), ("minutes", "best: 0.5 min")])
def test_the_best_moment_is_told_in_the_units_of_the_axis(qtbot: QtBot, axis: str, words: str) -> None:
    curves = Curves()
    for epoch in range(1, 9):
        figures = dict.fromkeys(SCORES, 0.1 * epoch)
        curves.add("a", Metric(epoch=epoch, step=epoch, elapsed_s=7.5 * epoch, values=figures, best=epoch == 4))
    plot = CurvePlot("best")
    qtbot.addWidget(plot)
    plot.draw(curves, ["a"], SCORES, axis, False)
    labels = [item.toPlainText() for item in plot._plot.scene().items() if isinstance(item, pg.InfLineLabel)]
    assert labels == [words]


def test_words_about_the_best_moment_lie_on_no_curve(qtbot: QtBot) -> None:
    curves = Curves()
    for epoch, exploded in ((1, 4e13), (2, 1e13), (3, 1.0)):
        values = {"train_loss": 5.0, "val_loss": exploded}
        curves.add("a", Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values=values, best=epoch == 1))
    plot = CurvePlot("best")
    qtbot.addWidget(plot)
    plot.resize(700, 180)
    plot.show()
    plot.draw(curves, ["a"], ("train_loss", "val_loss"), "epochs", False)
    qtbot.wait(50)
    (label,) = (item for item in plot._plot.scene().items() if isinstance(item, pg.InfLineLabel))
    box = plot._plot.getPlotItem().vb
    low, high = box.viewRange()[1]
    height = low + label.orthoPos * (high - low)
    assert abs(height - 5.0) > 0.1 * (high - low), "one curve runs along the floor"
    assert abs(height - 4e13) > 0.1 * (high - low), "the other begins at the ceiling"


def _words(plot: CurvePlot, kind: type[pg.TextItem]) -> list[pg.TextItem]:
    return [item for item in plot._plot.scene().items() if type(item) is kind and item.isVisible()]


def test_long_names_are_cut_in_the_middle_and_lie_neither_on_each_other_nor_beside_the_plot(qtbot: QtBot) -> None:
    runs = {f"Comparison 1: Everything together, U-Net with residual blocks, number {number}": 40 for number in (1, 2)}
    plot = _plot(qtbot, runs, height=260)
    names = _words(plot, pg.TextItem)
    places = [name.textItem.sceneBoundingRect() for name in names]
    inside = plot._plot.getPlotItem().vb.sceneBoundingRect()
    assert len(names) == 6
    assert all(place.right() <= inside.right() + 1 for place in places)
    for one, other in combinations(places, 2):
        assert not one.adjusted(0, 2, 0, -2).intersects(other.adjusted(0, 2, 0, -2))
    for name in names:
        start, _, end = name.textItem.toPlainText().partition("…")
        whole = name.textItem.toolTip()
        assert end
        assert (whole[: len(start)], whole[-len(end) :]) == (start, end)
        assert whole in plot.labels()
    short = _plot(qtbot, {"a": 9})
    assert [name.textItem.toolTip() for name in _words(short, pg.TextItem)] == [""] * 3


def test_the_best_moments_of_several_runs_are_not_written_on_each_other(qtbot: QtBot) -> None:
    curves = Curves()
    for number, run in enumerate("abcd"):
        for epoch in range(1, 41):
            figures = dict.fromkeys(SCORES, 0.9 - 0.5 / epoch)
            metric = Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values=figures, best=epoch == 34 + number)
            curves.add(run, metric)
    plot = CurvePlot("best")
    qtbot.addWidget(plot)
    plot.resize(900, 260)
    plot.show()
    plot.draw(curves, list("abcd"), SCORES, "epochs", False)
    qtbot.wait(50)
    places = [label.textItem.sceneBoundingRect() for label in _words(plot, pg.InfLineLabel)]
    assert len(places) == 4
    assert not any(one.intersects(other) for one, other in combinations(places, 2))


def test_a_single_point_of_a_score_is_seen_between_0_and_1(qtbot: QtBot) -> None:
    curves = Curves()
    curves.add("a", Metric(epoch=1, step=1, elapsed_s=1, values={"val_f1": 0.0, "val_iou": 0.3}))
    plot = CurvePlot("best")
    qtbot.addWidget(plot)
    plot.draw(curves, ["a"], ("val_f1", "val_iou"), "epochs", False)
    low, high = plot._plot.getPlotItem().vb.viewRange()[1]
    assert (round(low, 1), round(high, 1)) == (-0.1, 1.1)
    lines = [item for item in plot._plot.getPlotItem().items if isinstance(item, pg.PlotDataItem)]
    assert [line.opts["symbolSize"] >= 8 for line in lines] == [True, True]
    assert plot._names._ends[0][0] > 1, "its name lies beside it"
