import math

import numpy as np

from segstudio.jobs.messages import Metric, Warned
from segstudio.session.curves import Curves


def metric(epoch: int, *, best: bool = False, **values: float) -> Metric:
    return Metric(epoch=epoch, step=epoch * 10, elapsed_s=epoch * 30.0, values=values, best=best)


def test_each_figure_becomes_a_series_over_epochs_and_minutes() -> None:
    curves = Curves()
    for epoch in (1, 2, 3):
        curves.add("a", metric(epoch, train_loss=1.0 / epoch, val_f1=0.1 * epoch))
    series = curves.series("a", "train_loss")
    np.testing.assert_allclose(series.epochs, [1, 2, 3])
    np.testing.assert_allclose(series.minutes, [0.5, 1.0, 1.5])
    np.testing.assert_allclose(series.values, [1, 0.5, 1 / 3])
    assert curves.names("a") == ["train_loss", "val_f1"]


def test_figures_that_come_less_often_have_their_own_epochs() -> None:
    curves = Curves()
    curves.add("a", metric(1, train_loss=1.0))
    curves.add("a", metric(2, train_loss=0.9, val_f1=0.5))
    assert curves.series("a", "val_f1").epochs.tolist() == [2]
    assert len(curves.series("a", "no such figure")) == 0


def test_the_best_epoch_is_the_one_the_training_said_last() -> None:
    curves = Curves()
    assert curves.best_epoch("a") is None
    for epoch, best in ((1, True), (2, True), (3, False)):
        curves.add("a", metric(epoch, best=best, val_f1=0.5))
    assert curves.best_epoch("a") == 2
    last = curves.last("a")
    assert last is not None
    assert last.epoch == 3


def test_a_resumed_run_replaces_the_epochs_it_repeats() -> None:
    curves = Curves()
    for epoch, loss in ((1, 1.0), (2, 0.8), (2, 0.7), (3, 0.6)):
        curves.add("a", metric(epoch, train_loss=loss))
    assert curves.series("a", "train_loss").values.tolist() == [1.0, 0.7, 0.6]


def test_loading_a_kept_run_replaces_what_was_known_of_it() -> None:
    curves = Curves()
    curves.add("a", metric(9, train_loss=9.0))
    curves.load("a", [metric(1, train_loss=1.0), Warned(message="slow"), metric(2, train_loss=math.nan)])
    assert curves.series("a", "train_loss").epochs.tolist() == [1, 2]


def test_listeners_hear_which_run_changed_and_which_are_shown() -> None:
    curves = Curves()
    heard: list[str] = []
    shown: list[tuple[str, ...]] = []
    curves.changed.connect(heard.append)
    curves.shown_changed.connect(lambda: shown.append(curves.shown))
    curves.add("a", metric(1, train_loss=1.0))
    curves.show(["a", "b", "a"])
    curves.show(["a", "b"])
    curves.forget("a")
    assert heard == ["a", "a"]
    assert shown == [("a", "b"), ("b",)]


def test_what_is_not_kept_is_neither_plotted_nor_known_by_name() -> None:
    curves = Curves()
    for run in ("over", "goes on"):
        curves.name_run(run, f"Model {run}")
        curves.add(run, metric(1, train_loss=1.0))
    curves.show(["over", "goes on"])
    curves.keep_only(["goes on"])
    assert (curves.shown, curves.runs()) == ((), ["goes on"])
    assert [curves.run_name(run) for run in ("over", "goes on")] == ["over", "Model goes on"]
