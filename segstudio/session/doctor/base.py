"""What rules read and what they say: a training as a case, a finding with its evidence, and a remedy for one button."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from segstudio.config.run import RunConfig
from segstudio.jobs.messages import Facts, Failed, Finished, Message, Metric, Started, Warned
from segstudio.jobs.spec import TrainJob

Severity = Literal["error", "warning", "note"]
Action = Literal[
    "", "range-test", "label", "label-another", "add-images", "resume", "longer", "show-image", "use-start"
]
"""What a button does besides filling the form: measure learning rates, go to the step Label, there to an image without
labels, ask for more images, let the run go on, or a finished one for as long again, bring an image to the front,
predict with the model that was the start."""

#: The worst first.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
#: From here on nobody counts the zeros any more.
_HUGE = 1e6
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Remedy:
    """What one button does about a finding.

    Attributes
    ----------
    label
        On the button, a verb first.
    settings
        Changed settings by dotted path, as the form has them; the other settings are those of the run.
    starts
        Whether a training with these settings may begin at once.
    action, target
        Something else to do, and with what: the id of an image, the file of a model.
    """

    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    starts: bool = False
    action: Action = ""
    target: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is worth knowing about a training.

    Attributes
    ----------
    code
        Stable name, as ``"overfitting"``; the help page explains each.
    sentence
        What it is, in one sentence.
    evidence
        The figures that show it.
    advice
        What to do.
    epoch, mark
        Where in the curves it begins, ``None`` for nowhere, and the words there.
    explains
        Codes of findings that are only consequences of this one.
    """

    code: str
    severity: Severity
    sentence: str
    evidence: str
    advice: str
    remedy: Remedy | None = None
    epoch: float | None = None
    mark: str = ""
    explains: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Curve:
    """One figure of a training over its epochs: float64 arrays of one length; only finite values."""

    epochs: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def smooth(self, width: int = 3) -> NDArray[np.float64]:
        """Return the running median over `width` (odd) points: one odd point is no trend."""
        if not len(self):
            return self.values
        padded = np.pad(self.values, width // 2, mode="edge")
        smooth: NDArray[np.float64] = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
        return smooth

    def end(self, share: float = 0.2) -> float:
        """Return the mean of the last `share` of the points, one at least."""
        return float(self.values[-max(1, round(share * len(self))) :].mean())


@dataclass(frozen=True)
class Case:
    """One training, going on or over, as far as it has told of itself.

    Attributes
    ----------
    facts
        See `segstudio.jobs.messages.Facts`; empty for trainings of versions that told none.
    lengthens
        Whether it is finished and can go on for as long again: see `segstudio.session.training_longer`.
    """

    job: TrainJob
    config: RunConfig
    facts: Mapping[str, float | int | str | bool | None] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    warnings: tuple[Warned, ...] = ()
    failed: Failed | None = None
    finished: Finished | None = None
    lengthens: bool = False
    _curves: dict[str, Curve] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, job: TrainJob, messages: Iterable[Message], *, lengthens: bool = False) -> "Case":
        """Return the case of a training from its messages; a resumed one says some epochs twice, the newer counts."""
        facts: dict[str, float | int | str | bool | None] = {}
        metrics: dict[tuple[float, int], Metric] = {}
        warnings: list[Warned] = []
        failed: Failed | None = None
        finished: Finished | None = None
        for message in messages:
            match message:
                case Started():
                    failed = finished = None
                case Facts():
                    facts |= message.values
                case Metric():
                    key = message.epoch, message.step
                    known = metrics.get(key)
                    values = {**(known.values if known else {}), **message.values}
                    metrics[key] = message.model_copy(update={"values": values})
                case Warned():
                    warnings.append(message)
                case Failed():
                    failed = message
                case Finished():
                    finished = message
        ordered = tuple(metrics[key] for key in sorted(metrics))
        return cls(job, _config(job), facts, ordered, tuple(warnings), failed, finished, lengthens)

    @property
    def over(self) -> bool:
        """Whether the training has ended."""
        return self.failed is not None or self.finished is not None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(item.name for item in self.job.classes)

    @property
    def finds_objects(self) -> bool:
        """Whether single objects are looked for, rather than areas or values."""
        return not self.makes_images and bool(self.facts.get("separates", True))

    @property
    def makes_images(self) -> bool:
        """Whether values are learned, so that there is nothing to find."""
        return self.facts.get("result") == "image"

    @property
    def learns_images(self) -> bool:
        """Whether it learns from pairs of images, without any label."""
        return any(sample.target is not None for sample in self.job.samples)

    def number(self, name: str) -> float | None:
        """Return a fact that is a number, ``None`` when it is not known."""
        value = self.facts.get(name)
        return None if value is None or isinstance(value, str | bool) else float(value)

    def curve(self, name: str) -> Curve:
        """Return one figure over the epochs; empty when it was never told."""
        if name not in self._curves:
            points = [(m.epoch, m.values[name]) for m in self.metrics if name in m.values]
            table = np.array(points, np.float64).reshape(-1, 2)
            told = table[np.isfinite(table[:, 1])]
            self._curves[name] = Curve(told[:, 0], told[:, 1])
        return self._curves[name]

    @property
    def looks(self) -> int:
        """How often it has looked at the validation images."""
        return sum(any(name.startswith("val_") for name in item.values) for item in self.metrics)

    def warned(self, code: str) -> Warned | None:
        """Return the first warning of this code."""
        return next((item for item in self.warnings if item.code == code), None)

    @property
    def peak_rate(self) -> float:
        """The largest learning rate that was planned."""
        factor = self.config.training.fine_tune_factor if self.job.start_from is not None else 1.0
        return self.number("learning_rate") or self.config.training.learning_rate * factor

    def rate_setting(self, rate: float) -> float:
        """Return what the setting must be for the learning rate to be `rate`; trainings from a model lower it."""
        factor = self.config.training.fine_tune_factor if self.job.start_from is not None else 1.0
        return round_rate(min(1.0, max(1e-7, rate / factor)))


Rule = Callable[[Case], Iterator[Finding]]


def round_rate(rate: float) -> float:
    """Return `rate` with two digits.

    Examples
    --------
    >>> round_rate(0.00048731)
    0.00049
    """
    return float(f"{rate:.2g}")


def figure(value: float) -> str:
    """Return a number as the evidence shows it.

    Examples
    --------
    >>> [figure(v) for v in (0.4213, 12.34, 0.00002, 3.0, -0.05, 4.2e13)]
    ['0.42', '12', '0.00002', '3', '-0.05', '4.2 × 10¹³']
    """
    if np.isfinite(value) and abs(value) >= _HUGE:
        mantissa, _, exponent = f"{value:.1e}".partition("e+")
        return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")


def counted(number: float, word: str) -> str:
    """Return ``"1 image"``, ``"3 images"``."""
    return f"{number:g} {word}{'' if number == 1 else 's'}"


def _config(job: TrainJob) -> RunConfig:
    """Return the settings of a job; the defaults for one of another version, whose settings are not known here."""
    try:
        return RunConfig.model_validate(job.config)
    except ValidationError:
        return RunConfig()
