"""The panels on a real project; trainings are played by messages."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from carrier import Carrier
from factories import cells, write_pairs
from pytestqt.qtbot import QtBot

from segstudio.config.run import RunConfig
from segstudio.core.tiles import Window
from segstudio.gui.jobs import JobThreads
from segstudio.io.labels_file import write_label_tiff
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.jobs.messages import Finished, Message, Metric
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels
from segstudio.session.predictions import prediction_at
from segstudio.session.session import Session

ROOT = Path(__file__).resolve().parents[1]

#: The decoder settings that every formulation has.
DECODE = {
    "properties": {
        "threshold": {"type": "number", "minimum": 0.02, "maximum": 0.98, "default": 0.5, "title": "Threshold"},
        "min_size": {"type": "integer", "minimum": 0, "default": 15, "title": "Smallest object", "unit": "px"},
    }
}

DEPTH = {"properties": {"depth": {"type": "integer", "minimum": 1, "maximum": 6, "default": 3, "title": "Depth"}}}


@cache
def _sections() -> dict[str, Any]:
    return RunConfig.model_json_schema()


class Launcher:
    """Trainings that say what the test says, through the queue's own door."""

    def __init__(self) -> None:
        self.started: list[TrainJob] = []
        self.sent: list[str] = []

    def start(self, job: TrainJob) -> Any:
        self.started.append(job)
        return SimpleNamespace(messages=lambda: iter(()), send=self.sent.append, close=lambda: None)

    attach = start


class Studio:
    def __init__(self, folder: Path, qtbot: QtBot) -> None:
        self.folder, self.qtbot = folder, qtbot
        self.carrier = Carrier()
        self.session = Session(self.carrier.posted.emit)
        self.launcher = Launcher()
        self.session.jobs.trainings.launcher = cast("Any", self.launcher)
        self.threads = JobThreads(self.session.jobs)
        self.notices: list[str] = []
        self.session.noticed.connect(lambda notice: self.notices.append(notice.message))
        offer = Offer(name="joint", title="Cells", description="Finds cells.", settings={}, decode=DECODE)
        network = Offer(name="unet", title="U-Net", description="A network.", settings=DEPTH)
        store_catalogue(
            Catalogue(
                key=catalogue_key(),
                formulations=(offer,),
                architectures=(network,),
                sections=_sections(),
            )
        )

    @property
    def runs_folder(self) -> Path:
        assert self.session.project is not None
        return self.session.project.runs_folder

    def show(self, panel: Any, width: int = 320, height: int = 700) -> Any:
        self.qtbot.addWidget(panel)
        panel.resize(width, height)
        panel.show()
        return panel

    def until(self, reached: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(reached()), timeout=120_000)

    def open(self, count: int = 3) -> None:
        write_pairs(self.folder / "data", count, (96, 96))
        self.session.create_project(self.folder / "project", [self.folder / "data" / "images"])
        self.until(lambda: self.session.document)

    def label(self, labels: Any) -> None:
        document = self.session.document
        assert document is not None
        infos = {int(i): ObjectInfo() for i in np.unique(labels) if i}
        document.apply(PasteLabels(labels, Window.whole(labels.shape), infos))

    def label_images(self, count: int = 2) -> None:
        project = self.session.project
        assert project is not None
        for number, entry in enumerate(project.images[:count]):
            project.set_split(entry.id, "val" if number == 0 else "train")
            self.session.select(entry.id)
            self.until(lambda entry=entry: self.session.document and self.session.document.entry.id == entry.id)
            self.label(cells((96, 96), seed=number).labels)
        self.session.images_changed.emit()

    def propose(self, labels: Any) -> None:
        """Write a prediction of the image in front, as a worker does, and show it."""
        session = self.session
        assert session.project is not None
        assert session.document is not None
        place = prediction_at(session.project, "run-1", session.project.entry(session.document.entry.id))
        place.labels.parent.mkdir(parents=True, exist_ok=True)
        write_label_tiff(place.labels, LabelMap.from_array(labels))
        ids = [int(i) for i in np.unique(labels) if i]
        rows = {str(i): {"class_id": 1, "score": i / (1 + max(ids))} for i in ids}
        place.table.write_text(json.dumps({"schema_version": 1, "objects": rows}))
        place.maps.write_bytes(b"maps")
        session.review.predicted(session.document.entry.id, "run-1")
        self.until(lambda: session.review.total == len(ids))

    def model(self, run: str = "run-1") -> None:
        """Write a run with a model, as a training leaves it."""
        assert self.session.project is not None
        folder = self.session.project.runs_folder / run
        (folder / "model").mkdir(parents=True)
        job = training_job(folder, run)
        (folder / "job.json").write_text(job.model_dump_json())
        events = [message(job, Metric(epoch=3, step=9, elapsed_s=9, values={"val_f1": 0.87}, best=True))]
        events.append(message(job, Finished(outcome="done")))
        (folder / "events.jsonl").write_text("".join(item.model_dump_json() + "\n" for item in events))
        (folder / "model" / "model.json").write_text('{"decode": {"threshold": 0.6}}')
        self.session.runs.refresh()
        self.until(lambda: self.session.runs.run(run))

    def close(self) -> None:
        self.session.close()
        self.threads.close()


def training_job(folder: Path, job_id: str = "run-1") -> TrainJob:
    return TrainJob(
        job_id=job_id,
        name="Nuclei",
        run_folder=folder,
        samples=(),
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="joint"),
        device="cpu",
    )


def message(job: TrainJob, said: Message) -> Message:
    return said.model_copy(update={"job_id": job.job_id})
