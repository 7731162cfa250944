"""The curves of real trainings in their panel: names, best epoch, several runs."""

import itertools

import pyqtgraph as pg
import pytest
from studio import Studio

from segstudio.gui.panels.curves import CurvesPanel
from segstudio.jobs.messages import Metric

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_curves_are_drawn_with_names_best_epoch_and_several_runs(studio: Studio) -> None:
    panel = studio.show(CurvesPanel(studio.session), 900, 260)
    curves = studio.session.jobs.curves
    for run in ("a", "b"):
        for epoch in range(1, 6):
            values = {"train_loss": 1 / epoch, "val_loss": 2 / epoch, "val_f1": epoch / 6}
            curves.add(run, Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values=values, best=True))
    curves.show(["a"])
    studio.until(lambda: panel.plotted() == ["training", "validation"])
    assert panel._hover.toolTip() == "a", "a single training is named"
    panel._plot.hovered.emit("epoch 2:  training 0.5")
    assert panel._hover.toolTip() == "a  ·  epoch 2:  training 0.5"
    curves.name_run("b", "Second")
    curves.show(["a", "b"])
    studio.until(lambda: len(panel.plotted()) == 4)
    assert "Second: validation" in panel.plotted()
    panel._figure.setCurrentIndex(1)
    assert panel.plotted() == ["a: F1", "Second: F1"]
    least = panel.minimumSizeHint().width()
    panel._plot.hovered.emit("epoch 7:" + "  a: F1 0.8" * 40)
    assert panel.minimumSizeHint().width() == least, "words under the pointer must not widen the window"
    panel._log.click()
    assert len(panel.plotted()) == 2


@pytest.mark.parametrize("figure", [0, 1])
@pytest.mark.parametrize("epochs", [1, 2, 12])
def test_no_words_lie_on_one_another_in_the_plot(studio: Studio, figure: int, epochs: int) -> None:
    panel = studio.show(CurvesPanel(studio.session), 900, 200)
    curves = studio.session.jobs.curves
    for epoch in range(1, epochs + 1):
        values = {"train_loss": 1 / epoch, "val_loss": 1.1 / epoch, "val_f1": 1 - 1 / (1 + epoch), "val_iou": 0.8}
        curves.add("a", Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values=values, best=True))
    curves.show(["a"])
    panel._figure.setCurrentIndex(figure)
    studio.until(lambda: len(panel.plotted()) == 2)
    plot = panel._plot._plot
    studio.qtbot.wait(50)
    words = [item for item in plot.scene().items() if isinstance(item, pg.TextItem) and item.isVisible()]
    places = [item.textItem.mapRectToScene(item.textItem.boundingRect()) for item in words]
    assert len(places) == (2 if epochs == 1 else 3)
    view = plot.getPlotItem().vb.sceneBoundingRect()
    assert all(view.left() <= place.left() and place.right() <= view.right() + 1 for place in places)
    margin = words[0].textItem.document().documentMargin()
    letters = [place.adjusted(margin, margin, -margin, -margin) for place in places]
    for one, other in itertools.combinations(letters, 2):
        overlap = one.intersected(other)
        assert overlap.height() < 1 or overlap.width() < 1, [item.toPlainText() for item in words]
    assert all(float(text).is_integer() for text in plot.getPlotItem().getAxis("bottom").tickStrings([1, 2], 1, 1))
