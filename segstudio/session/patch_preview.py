"""Patches of a labelled image as a training with the settings of the form would see them."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.errors import UserError, WrongUsage
from segstudio.jobs.messages import Artifact, Failed, Finished, Message
from segstudio.jobs.spec import AugmentJob, PredictJob, SampleRecord
from segstudio.labels.contours import contours
from segstudio.project.samples import labelled_samples
from segstudio.session.job import new_job_id
from segstudio.session.job_specs import TrainingWish, saved_first

if TYPE_CHECKING:
    from segstudio.project.project import Project
    from segstudio.session.session import Session

#: Besides the image that is shown at most so many others lend objects and say how large objects are.
_OTHERS = 7
_UNKNOWN = 65535

Rings = tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Patch:
    """One patch with its labels.

    Attributes
    ----------
    image
        ``(P, P, 3)`` uint8 RGB.
    outlines
        Rings ``(N, 2)`` xy of each object, in pixel-corner coordinates, not closed.
    unknown
        Rings around the pixels of which the training learns nothing.
    """

    image: NDArray[np.uint8]
    outlines: tuple[Rings, ...]
    unknown: Rings


class PatchPreview:
    """Asks the worker for patches; of wishes that come while it draws, the newest is answered next.

    A wish that is no longer wanted is never cancelled: a worker that does not obey at once would be ended, with the
    prediction that it may be at. Call `close` in the end: what the worker wrote is removed.
    """

    changed = Signal()
    """`patches`, `error` or `busy` is new."""

    def __init__(self, session: "Session", wish: Callable[[], TrainingWish]) -> None:
        self.patches: tuple[Patch, ...] = ()
        self.image_name = ""
        """Name of the image that `patches` show."""
        self.error = ""
        self.busy = False
        self._session = session
        self._wish = wish
        # What the worker writes while the folder is removed must not fail in the user's face.
        self._folder = tempfile.TemporaryDirectory(prefix="segstudio-patches-", ignore_cleanup_errors=True)
        self._seed = 0
        self._job_id = ""
        self._asked_again = self._closed = False
        self._names: dict[str, str] = {}
        session.jobs.message.connect(self._on_message)

    @property
    def waits_for(self) -> str:
        """Title of the prediction that the worker is at; empty when it does not keep the patches waiting."""
        jobs = self._session.jobs.active if self.busy else []
        at_work = [job for job in jobs if isinstance(job.spec, PredictJob) and job.state == "running"]
        return at_work[0].title if at_work else ""

    def again(self) -> None:
        """Draw other patches."""
        self._seed += 1
        self.refresh()

    def refresh(self) -> None:
        """Draw patches with the settings as they are now; the same places as before where that is possible."""
        if self._closed:
            return
        if self.busy:
            self._asked_again = True
            return
        session, project = self._session, self._session.project
        if project is None:
            self._fail("Open a project first.")
            return
        try:
            wish = self._wish()
        except UserError as error:
            self._fail(str(error))
            return
        self.busy, self._job_id = True, ""
        front = session.document.entry.id if session.document is not None else ""
        output, seed = Path(self._folder.name) / new_job_id(), self._seed

        def ask(job: AugmentJob) -> None:
            if not self._closed:
                self._job_id = job.job_id
                session.jobs.look_at(job)

        session.background.run(
            saved_first(session.document, lambda: augment_job(project, wish, front, output, seed)),
            ask,
            lambda error: self._fail(str(error)),
            lane="jobs",
        )
        self.changed.emit()

    def close(self) -> None:
        """Ask nothing more and remove what was written."""
        self._closed = True
        self._job_id = ""
        self._session.jobs.message.disconnect(self._on_message, missing_ok=True)
        self._folder.cleanup()

    def _on_message(self, job_id: str, message: Message) -> None:
        if not job_id or job_id != self._job_id:
            return
        if isinstance(message, Failed):
            self._fail(f"{message.message} {message.hint}".strip())
        elif isinstance(message, Artifact):
            folder, count = Path(message.path), int(message.details.get("patches", 0))
            name = self._image_name(message.image_id)
            self._session.background.run(
                lambda: read_patches(folder, count),
                lambda patches: self._take(job_id, name, patches),
                lambda error: self._fail(str(error)),
                lane="jobs",
            )
        elif isinstance(message, Finished) and message.outcome == "stopped":
            self._done()

    def _image_name(self, image_id: str) -> str:
        project = self._session.project
        entries = project.images if project is not None else ()
        return next((entry.name for entry in entries if entry.id == image_id), "")

    def _take(self, job_id: str, name: str, patches: tuple[Patch, ...]) -> None:
        if job_id == self._job_id and not self._closed:
            self.patches, self.image_name, self.error = patches, name, ""
            self._done()

    def _fail(self, sentence: str) -> None:
        self.patches, self.error = (), sentence
        self._done()

    def _done(self) -> None:
        self.busy, self._job_id = False, ""
        again, self._asked_again = self._asked_again, False
        self.changed.emit()
        if again:
            self.refresh()


def augment_job(project: "Project", wish: TrainingWish, front: str, output: Path, seed: int) -> AugmentJob:
    """Return the job that draws patches of the image `front`, or of the first training image where that has no labels.

    Raises
    ------
    WrongUsage
        No image is labelled.
    UserError
        An object table is damaged.
    """
    samples = labelled_samples(project)
    training = [sample for sample in samples if sample.split == "train"]
    shown = next((sample for sample in samples if sample.image_id == front), next(iter(training or samples), None))
    if shown is None and wish.learns_images:
        raise WrongUsage(
            "Patches are drawn of labelled images, and pairs of images are learned without labels.",
            hint="Train: beside the curves you see image, target and what the network makes.",
            code="no-labels",
        )
    if shown is None:
        raise WrongUsage(
            "No image has a label yet.", hint="Outline about 10 cells, then look at their patches.", code="no-labels"
        )
    others: list[SampleRecord] = [sample for sample in training if sample is not shown]
    step = max(1, -(-len(others) // _OTHERS))
    return AugmentJob(
        job_id=new_job_id(),
        samples=(shown, *others[::step]),
        output=output,
        config={section: dict(values) for section, values in wish.config.items()},
        seed=seed,
        device=wish.device,
    )


def read_patches(folder: Path, count: int) -> tuple[Patch, ...]:
    """Read what an `AugmentJob` wrote, and remove it; nothing when it has been removed already."""
    try:
        made = tuple(_read(folder, number) for number in range(count))
    except FileNotFoundError:
        return ()
    shutil.rmtree(folder, ignore_errors=True)
    return made


def _read(folder: Path, number: int) -> Patch:
    image, labels = (_picture(folder / f"{number}-{role}.png") for role in ("image", "labels"))
    unknown = labels == _UNKNOWN
    rings = contours(np.where(unknown, 0, labels).astype(np.int32))
    around = contours(unknown.astype(np.uint8))
    return Patch(np.ascontiguousarray(image[:, :, ::-1], np.uint8), tuple(rings.values()), around.get(1, ()))


def _picture(path: Path) -> NDArray[np.generic]:
    return np.asarray(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED))
