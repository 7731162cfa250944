"""Metric messages of runs → series to plot, with the best epoch."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.jobs.messages import Message, Metric


def epoch_words(epoch: float) -> str:
    """Return a number of epochs as people say it: ``"3"``, ``"0.4"``."""
    return f"{epoch:.1f}".removesuffix(".0")


@dataclass(frozen=True, eq=False)
class Series:
    """One figure of one run over time; all arrays are float64 of the same length, in the order of arrival.

    Attributes
    ----------
    epochs
        Epoch of each point, counted as the training counts.
    minutes
        Time since the training began.
    values
        May hold NaN where the training reported a figure that is none.
    """

    name: str
    epochs: NDArray[np.float64]
    minutes: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)


@dataclass
class _Run:
    points: dict[str, dict[tuple[float, int], tuple[float, float]]] = field(default_factory=dict)
    best: Metric | None = None
    last: Metric | None = None


class Curves:
    """The figures of all runs of this sitting, by run id."""

    changed = Signal(str)
    """Id of the run whose series have a new point, or are gone."""
    shown_changed = Signal()

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._shown: tuple[str, ...] = ()
        self._names: dict[str, str] = {}

    @property
    def shown(self) -> tuple[str, ...]:
        """Ids of the runs to plot over one another, the first one in front."""
        return self._shown

    def show(self, run_ids: Iterable[str]) -> None:
        """Choose the runs to plot."""
        chosen = tuple(dict.fromkeys(run_ids))
        if chosen != self._shown:
            self._shown = chosen
            self.shown_changed.emit()

    def name_run(self, run_id: str, name: str) -> None:
        """Say what the run is called in the plot."""
        self._names[run_id] = name

    def run_name(self, run_id: str) -> str:
        """Return what the run is called; its id when nobody named it."""
        return self._names.get(run_id, run_id)

    def add(self, run_id: str, metric: Metric) -> None:
        """Add one point to each curve of a run; a point of the same epoch and step replaces the earlier one."""
        self._store(run_id, metric)
        self.changed.emit(run_id)

    def load(self, run_id: str, messages: Iterable[Message]) -> None:
        """Replace the series of a run by those in its kept messages."""
        self._runs[run_id] = _Run()
        for message in messages:
            if isinstance(message, Metric):
                self._store(run_id, message)
        self.changed.emit(run_id)

    def forget(self, run_id: str) -> None:
        """Drop a run."""
        if self._runs.pop(run_id, None) is not None:
            self.changed.emit(run_id)
        self.show(other for other in self._shown if other != run_id)

    def keep_only(self, run_ids: Iterable[str]) -> None:
        """Drop all other runs, and plot none."""
        kept = set(run_ids)
        self._runs = {run_id: run for run_id, run in self._runs.items() if run_id in kept}
        self._names = {run_id: name for run_id, name in self._names.items() if run_id in kept}
        self.show(())

    def runs(self) -> list[str]:
        """Return the ids of the runs that have a point."""
        return [run_id for run_id, run in self._runs.items() if run.points]

    def names(self, run_id: str) -> list[str]:
        """Return the names of the series of a run, in the order of their first point."""
        run = self._runs.get(run_id)
        return list(run.points) if run else []

    def series(self, run_id: str, name: str) -> Series:
        """Return one series of a run; empty when there is none."""
        run = self._runs.get(run_id)
        points = run.points.get(name, {}) if run else {}
        epochs = np.array([key[0] for key in points], np.float64)
        minutes = np.array([value[0] for value in points.values()], np.float64)
        return Series(name, epochs, minutes, np.array([value[1] for value in points.values()], np.float64))

    def best(self, run_id: str) -> Metric | None:
        """Return the figures of the best weights so far."""
        run = self._runs.get(run_id)
        return run.best if run else None

    def best_epoch(self, run_id: str) -> float | None:
        """Return the epoch of the best weights so far."""
        best = self.best(run_id)
        return best.epoch if best else None

    def last(self, run_id: str) -> Metric | None:
        """Return the newest figures."""
        run = self._runs.get(run_id)
        return run.last if run else None

    def _store(self, run_id: str, metric: Metric) -> None:
        run = self._runs.setdefault(run_id, _Run())
        for name, value in metric.values.items():
            # A resumed run says the epochs since its checkpoint again: the newer word counts.
            points = run.points.setdefault(name, {})
            points[metric.epoch, metric.step] = metric.elapsed_s / 60, float(value)
        run.last = metric
        if metric.best:
            run.best = metric
