"""Curves for TensorBoard, read back with its own reader."""

import sys
from pathlib import Path

import pytest

from segstudio.core.errors import WrongUsage
from segstudio.engine.training.event_files import FOLDER, event_files
from segstudio.jobs.messages import Metric


def a_metric(step: int, **values: float) -> Metric:
    return Metric(epoch=step / 10, step=step, elapsed_s=1.0, values=values)


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(item.step, item.value) for item in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_each_figure_is_a_curve_that_goes_on_when_the_run_does(tmp_path: Path) -> None:
    first = event_files(tmp_path)
    first.write(a_metric(10, train_loss=0.5, val_f1=0.25, learning_rate=0.125))
    assert read(tmp_path / FOLDER)["training/loss"] == [(10, 0.5)], "what was written is there at once"
    first.close()
    second = event_files(tmp_path)
    second.write(a_metric(20, train_loss=0.375))
    second.close()
    assert read(tmp_path / FOLDER) == {
        "training/loss": [(10, 0.5), (20, 0.375)],
        "validation/f1": [(10, 0.25)],
        "run/learning_rate": [(10, 0.125)],
    }


def test_without_tensorboard_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(WrongUsage, match="tensorboard is not installed") as refused:
        event_files(tmp_path)
    assert "pip install tensorboard" in refused.value.hint
