"""What the engine says about a network that is to be trained, and about the inside of a finished one."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from pydantic import ValidationError

from segstudio.core.sizes import median_diameter
from segstudio.core.tiles import Window
from segstudio.io.json_file import json_content, limited_bytes
from segstudio.io.labels_file import read_label_tiff
from segstudio.jobs.messages import Artifact, Failed, Message
from segstudio.jobs.model_folder import CARD_NAME
from segstudio.jobs.network_report import Inside, NetworkReport
from segstudio.jobs.spec import Choice, InspectJob, SummaryJob
from segstudio.session.job import new_job_id
from segstudio.session.job_specs import TrainingWish
from segstudio.session.start_models import sight

if TYPE_CHECKING:
    from segstudio.project.project import Project
    from segstudio.session.session import Session

#: The median size of objects is taken from at most so many training images, evenly spaced in the list.
_IMAGES = 24


@dataclass(frozen=True)
class Pictures:
    """The inside of a model for a part of an image.

    Attributes
    ----------
    maps, gradients
        ``(n, h, w)`` uint8, one picture for each `Map` of `inside`.
    """

    inside: Inside
    maps: NDArray[np.uint8]
    gradients: NDArray[np.uint8]


class NetworkReports:
    """Asks the worker about networks; only the newest question is answered.

    Call `close` in the end: what the worker wrote is removed.
    """

    described = Signal()
    """`report`, or else `error`, is new; or one is being made (`busy`)."""
    looked = Signal()
    """`pictures`, or else `inside_error`, are new; or they are being made (`looking`)."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.report: NetworkReport | None = None
        self.error = ""
        self.busy = False
        self.pictures: Pictures | None = None
        self.inside_error = ""
        self.looking = False
        # What the worker writes while the folder is removed must not fail in the user's face.
        self._folder = tempfile.TemporaryDirectory(prefix="segstudio-network-", ignore_cleanup_errors=True)
        self._question = 0
        self._summary_id = self._inspect_id = ""
        self._diameters: dict[Path, float | None] = {}
        session.jobs.message.connect(self._on_message)
        session.images_changed.connect(self._forget_sizes)

    @property
    def diameter(self) -> float | None:
        """Median diameter of the project's training objects, pixels; ``None`` while it is not known."""
        project = self._session.project
        return self._diameters.get(project.folder) if project is not None else None

    def describe(self, wish: TrainingWish, model: Path | None = None) -> None:
        """Find out about the network that a training of `wish` would have, or about that of a finished `model`."""
        self._stop(self._summary_id)
        self._question += 1
        question, project = self._question, self._session.project
        self.busy, self.error, self._summary_id = True, "", ""
        self.described.emit()

        def find_out() -> tuple[float | None, TrainingWish]:
            known = project is None or project.folder in self._diameters
            diameter = self.diameter if known or project is None else object_diameter(project)
            return diameter, wish if wish.start_from is None else _with_network_of(wish, wish.start_from)

        def ask(found: tuple[float | None, TrainingWish]) -> None:
            diameter, meant = found
            if project is not None:
                self._diameters[project.folder] = diameter
            if question == self._question:
                job = self._summary_job(meant, model, diameter)
                self._summary_id = job.job_id
                self._session.jobs.look_at(job)

        self._session.background.run(find_out, ask, lambda _error: ask((None, wish)), lane="jobs")

    def look_inside(
        self,
        model: Path,
        image: Path,
        window: Window,
        layer: str,
        point: tuple[int, int] | None = None,
        axes: str = "",
    ) -> None:
        """Look at what a layer of a finished model does with a part of an image; see `InspectJob`."""
        self._stop(self._inspect_id)
        self.looking, self.inside_error = True, ""
        self._inspect_id = new_job_id()
        job = InspectJob(
            job_id=self._inspect_id,
            model=model,
            image=image,
            axes=axes,
            window=(window.y0, window.x0, window.y1, window.x1),
            layer=layer,
            point=point,
            output=Path(self._folder.name) / self._inspect_id,
            device=self._session.devices.chosen,
        )
        self.looked.emit()
        self._session.jobs.look_at(job)

    def close(self) -> None:
        """Ask nothing more and remove what was written."""
        self._session.jobs.message.disconnect(self._on_message, missing_ok=True)
        self._session.images_changed.disconnect(self._forget_sizes, missing_ok=True)
        for job_id in (self._summary_id, self._inspect_id):
            self._stop(job_id)
        self._summary_id = self._inspect_id = ""
        self._question += 1  # what is still being found out is not asked any more
        self._folder.cleanup()

    def _stop(self, job_id: str) -> None:
        if self._session.jobs.live(job_id):
            self._session.jobs.stop(job_id)

    def _forget_sizes(self) -> None:
        self._diameters.clear()

    def _summary_job(self, wish: TrainingWish, model: Path | None, diameter: float | None) -> SummaryJob:
        project = self._session.project
        job_id = new_job_id()
        wanted = str(wish.config.get("data", {}).get("channels", "auto"))
        return SummaryJob(
            job_id=job_id,
            output=Path(self._folder.name) / f"{job_id}.json",
            formulation=wish.formulation,
            architecture=wish.architecture,
            model=model,
            channels=max(1, sight(project.images, wanted)) if project is not None else 1,
            classes=len(project.classes.classes) if project is not None else 1,
            config={section: dict(values) for section, values in wish.config.items()},
            object_diameter_px=diameter,
            device=wish.device,
        )

    def _on_message(self, job_id: str, message: Message) -> None:
        if job_id not in (self._summary_id, self._inspect_id) or not job_id:
            return
        if isinstance(message, Failed):
            self._fail(job_id, f"{message.message} {message.hint}".strip())
        elif isinstance(message, Artifact) and message.role == "report":
            path = Path(message.path)
            if job_id == self._summary_id:
                self._session.background.run(
                    lambda: _read_report(path), lambda report: self._take_report(job_id, report), lane="jobs"
                )
            else:
                self._session.background.run(
                    lambda: _read_pictures(path), lambda made: self._take_pictures(job_id, made), lane="jobs"
                )

    def _fail(self, job_id: str, sentence: str) -> None:
        if job_id == self._summary_id:
            self.busy, self.report, self.error = False, None, sentence
            self.described.emit()
        else:
            self.looking, self.pictures, self.inside_error = False, None, sentence
            self.looked.emit()

    def _take_report(self, job_id: str, report: NetworkReport | None) -> None:
        if job_id == self._summary_id and report is not None:
            self.busy, self.report, self.error = False, report, ""
            self.described.emit()

    def _take_pictures(self, job_id: str, pictures: Pictures | None) -> None:
        if job_id == self._inspect_id and pictures is not None:
            self.looking, self.pictures, self.inside_error = False, pictures, ""
            self.looked.emit()


def _with_network_of(wish: TrainingWish, model: Path) -> TrainingWish:
    """Return a wish with the network of the model that the training starts from; reads its card."""
    try:
        card = json_content(model / CARD_NAME)
        return replace(wish, architecture=Choice.model_validate(card["architecture"]))
    except (OSError, ValueError, KeyError, TypeError):
        return wish  # the training itself will say what is wrong with the model


def object_diameter(project: "Project") -> float | None:
    """Return the median diameter, pixels, of discs as large as the training objects; ``None`` without any.

    Reads label files; for a thread.
    """
    splits = project.splits()
    labelled = [entry for entry in project.images if entry.labelled and splits[entry.id] == "train"]
    step = max(1, -(-len(labelled) // _IMAGES))
    areas: list[int] = []
    for entry in labelled[::step]:
        path = project.files(entry.id).labels
        if path.exists():
            areas += _areas(path)
    return median_diameter(areas)


def _areas(path: Path) -> list[int]:
    plane = read_label_tiff(path)
    sums: dict[int, int] = {}
    stored = plane.keys()
    for key in stored:
        tile = plane.tile(key)
        numbers, counts = np.unique(tile[tile > 0] if tile is not None else np.zeros(0, np.int32), return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            sums[number] = sums.get(number, 0) + count
    return list(sums.values())


def _read_report(path: Path) -> NetworkReport | None:
    """Return a report; ``None`` when it has been removed meanwhile."""
    try:
        return NetworkReport.model_validate_json(limited_bytes(path))
    except (OSError, ValidationError):
        return None


def _read_pictures(path: Path) -> Pictures | None:
    try:
        inside = Inside.model_validate_json(limited_bytes(path))
        maps, gradients = (np.load(path.with_name(f"{name}.npy"), allow_pickle=False) for name in ("maps", "gradients"))
    except (OSError, ValueError):  # also a damaged array
        return None
    return Pictures(inside, maps, gradients)
