"""The curves of a training as event files, which TensorBoard shows."""

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import WrongUsage
from segstudio.jobs.messages import Metric

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

#: Below the folder of the run.
FOLDER = "tensorboard"
#: What stands first in a name groups the curves in TensorBoard.
_GROUPS = {"train": "training", "val": "validation"}


class EventFiles:
    """Writes each figure of a `Metric` as a point of its curve, by step."""

    def __init__(self, writer: "SummaryWriter") -> None:
        self._writer = writer

    def write(self, metric: Metric) -> None:
        """Add the figures of `metric`; what is on the disk is complete afterwards."""
        for name, value in metric.values.items():
            self._writer.add_scalar(_tag(name), value, metric.step, walltime=metric.time or None)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        self._writer.close()


def event_files(run: Path) -> EventFiles:
    """Return the event files of the run in the folder `run`, which go on when it is resumed.

    Raises
    ------
    WrongUsage
        TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise WrongUsage(
            "TensorBoard files cannot be written: the package tensorboard is not installed.",
            hint="Install it with pip install tensorboard, or switch the setting tensorboard off.",
            code="no-tensorboard",
        ) from error
    return EventFiles(SummaryWriter(str(run / FOLDER)))


def _tag(name: str) -> str:
    """Return where TensorBoard shows a figure: ``"validation/f1"`` for ``"val_f1"``."""
    start, _, rest = name.partition("_")
    return f"{_GROUPS[start]}/{rest}" if start in _GROUPS and rest else f"run/{name}"
