"""What a running training says in words and figures, with its brakes."""

from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QSizePolicy, QWidget

from segstudio.gui.forms.parts import ElidedLabel, Section, button, caption, row
from segstudio.gui.forms.plain import plain, plain_tip
from segstudio.gui.panels.training_preview import PreviewStrip
from segstudio.gui.theme import icon
from segstudio.jobs.messages import Progress
from segstudio.jobs.spec import TrainJob
from segstudio.labels.objects import Source
from segstudio.session.curves import epoch_words
from segstudio.session.doctor import EXPLAINED
from segstudio.session.job import Job, clock
from segstudio.session.label_sources import validation_sources
from segstudio.session.session import Session

#: Epochs without a better score after which the read-out says so.
_STILL = 5
#: The figure whose text may be long.
_LONG = "device"


class LiveTraining(Section):
    """The training that runs now, with its brakes."""

    def __init__(self, session: Session) -> None:
        super().__init__(" ")
        # A candidate of a comparison has a long name: it must not push the buttons out of sight.
        self.title.setWordWrap(True)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._session = session
        self._job: Job | None = None
        self._asked = ""  # the training whose labels are looked at
        self._words = caption(role="")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        quick = self.tr(
            "Share of objects found and right, on validation images, 0 to 1. While it trains, objects are found with "
            "quick settings; at the end the best settings are looked for, and the list shows the F1 with those."
        )
        self._figures = _Figures(
            (
                ("epoch", self.tr("Epoch"), self.tr("How often the training has gone through its set of patches")),
                ("left", self.tr("Time left"), self.tr("Estimated; it ends earlier when it gets no better")),
                ("f1", self.tr("F1"), quick),
                ("iou", self.tr("Fg IoU"), self.tr("Overlap of the area of all objects, on validation images, 0 to 1")),
                ("rate", self.tr("Patches/s"), self.tr("Speed of the training")),
                (
                    "best",
                    self.tr("Best F1"),
                    f"{self.tr('The best so far; the model is made of these weights.')} {quick}",
                ),
                (_LONG, self.tr("Device"), self.tr("What it trains on")),
            )
        )
        self.preview = PreviewStrip(session.background)
        self._warning = caption(role="warning")
        self._pause = button(self.tr("Pause"), self.toggle_pause, "pause")
        self._stop = button(self.tr("Stop and keep best"), self.stop, "stop")
        # What grows and shrinks lies below the buttons, so that they never move under the pointer.
        self.body.addWidget(self._bar)
        self.body.addLayout(row(self._pause, self._stop, stretch=1))
        for widget in (self._words, self._figures, self._warning, self.preview):
            self.body.addWidget(widget)
        self.show_job(None)

    def words(self) -> str:
        """Return the read-out."""
        return self._words.text()

    def show_job(self, job: Job | None) -> None:
        """Show the state of `job`; nothing for ``None``."""
        self._job = job
        self.setVisible(job is not None)
        if job is None:
            return
        self.title.setText(job.title)
        self.title.setToolTip(plain_tip(job.title))
        self._words.setText(self._say(job))
        self._show_progress(job.progress)
        self._name_figures(_learns_images(job))
        self._name_truth(job)
        self._figures.show_values(_values(job))
        self.preview.show_preview(job.preview)
        warnings = [f"{item.message} {item.hint}".strip() for item in job.warnings if item.code not in EXPLAINED]
        self._warning.setText("\n".join(dict.fromkeys(warnings)))
        self._warning.setVisible(bool(warnings))
        paused = job.state == "paused"
        self._pause.setText(self.tr("Resume") if paused else self.tr("Pause"))
        self._pause.setIcon(icon("play" if paused else "pause"))
        self._pause.setEnabled(self.can_pause)
        self._stop.setEnabled(self.can_stop)
        self._stop.setText(self.tr("Remove") if job.state == "queued" else self.tr("Stop and keep best"))

    def _name_figures(self, images: bool) -> None:
        """Call the figures what they are of: objects that were found, or images that were made."""
        self._figures.rename("f1", self.tr("PSNR") if images else self.tr("F1"))
        self._figures.rename("iou", self.tr("SSIM") if images else self.tr("Fg IoU"))
        self._figures.rename("best", self.tr("Best PSNR") if images else self.tr("Best F1"))

    def _name_truth(self, job: Job) -> None:
        """Call the picture that the network is compared with what it is: a target, or labels and who made them."""
        spec = job.spec
        if _learns_images(job) or not isinstance(spec, TrainJob):
            self._asked = ""
            self.preview.call_middle(self.tr("target"))
        elif job.id != self._asked:
            self._asked = job.id
            self.preview.call_middle(self.tr("labels"))
            self._session.background.run(
                lambda: validation_sources(spec), lambda found: self._take_sources(job.id, found)
            )

    def _take_sources(self, job_id: str, found: frozenset[Source]) -> None:
        words = {"hand": self.tr("by hand"), "import": self.tr("imported"), "model": self.tr("accepted")}
        if self._job is not None and self._job.id == job_id and len(found) == 1:
            self.preview.call_middle(words[next(iter(found))])

    def _say(self, job: Job) -> str:
        states = {
            "queued": self.tr("Waits for {0}.").format(job.waits_for) if job.waits_for else self.tr("Waits."),
            "starting": self.tr("Starting …"),
            "paused": self.tr("Paused. Other jobs may use the device."),
            "stopping": self.tr("Stopping after this step …"),
        }
        if job.state in states:
            return states[job.state]
        if job.metric is None or not {"val_f1", "val_psnr"} & set(job.metric.values):
            return f"{job.progress.stage} …" if job.progress else self.tr("Reading the images …")
        if job.preview is not None and job.preview.caption:
            found = job.preview.caption[:1].upper() + job.preview.caption[1:]
        elif "val_f1" in job.metric.values:
            found = self.tr("F1 {0:.2f} on the validation images").format(job.metric.values["val_f1"])
        else:
            found = self.tr("{0:.1f} dB from the targets").format(job.metric.values["val_psnr"])
        trend = self._trend(job)
        if trend:
            return f"{found}; {trend}."
        return self.tr("{0} at the first look.").format(found)

    def _trend(self, job: Job) -> str:
        """Return how it goes; nothing after a single validation, from which nobody can tell."""
        behind = job.metric.epoch - job.best.epoch if job.metric is not None and job.best is not None else 0.0
        if job.best is not None and behind > 0:
            words = self.tr("no better since epoch {0}") if behind >= _STILL else self.tr("the best was at epoch {0}")
            return words.format(epoch_words(job.best.epoch))
        nothing = job.best is not None and job.best.values.get("val_f1") == 0
        if nothing:
            return self.tr("the first objects take a while")
        figure = "val_psnr" if _learns_images(job) else "val_f1"
        looks = len(self._session.jobs.curves.series(job.id, figure))
        return self.tr("still improving") if looks > 1 else ""

    def _show_progress(self, progress: Progress | None) -> None:
        known = progress is not None and progress.total > 0
        self._bar.setRange(0, progress.total if progress and known else 0)
        self._bar.setValue(progress.done if progress else 0)

    @property
    def can_pause(self) -> bool:
        """Whether `toggle_pause` does something now."""
        return self._job is not None and self._job.state in ("running", "paused")

    @property
    def can_stop(self) -> bool:
        """Whether `stop` does something now."""
        return self._job is not None and not self._job.ended and self._job.state not in ("stopping", "starting")

    def toggle_pause(self) -> None:
        """Pause the training that is shown, or let it go on."""
        if self._job is None:
            return
        if self._job.state == "paused":
            self._session.jobs.resume(self._job.id)
        else:
            self._session.jobs.pause(self._job.id)

    def stop(self) -> None:
        """Stop the training that is shown; its best model stays."""
        if self._job is not None:
            self._session.jobs.stop(self._job.id)


def _learns_images(job: Job) -> bool:
    return isinstance(job.spec, TrainJob) and any(sample.target is not None for sample in job.spec.samples)


def _values(job: Job) -> dict[str, str]:
    values = job.metric.values if job.metric else {}
    rate = job.progress.rate if job.progress and job.progress.rate else values.get("images_per_s")
    left = job.progress.remaining_s if job.progress else None
    score, overlap, digits = ("val_psnr", "val_ssim", 1) if _learns_images(job) else ("val_f1", "val_iou", 3)
    return {
        "epoch": epoch_words(job.metric.epoch) if job.metric else "–",
        "left": clock(left) if left is not None else "–",
        "f1": f"{values[score]:.{digits}f}" if score in values else "–",
        "iou": f"{values[overlap]:.3f}" if overlap in values else "–",
        "rate": f"{rate:.3g}" if rate else "–",
        "best": f"{job.best.values[score]:.{digits}f}" if job.best and score in job.best.values else "–",
        _LONG: job.device_name or "–",
    }


class _Figures(QWidget):
    """Names and values, two pairs a line; the last one has a line of its own."""

    def __init__(self, items: tuple[tuple[str, str, str], ...]) -> None:
        super().__init__()
        self._names = {key: name for key, name, _tip in items}
        self._tips = {key: tip for key, _name, tip in items}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        self._labels: dict[str, QLabel] = {}
        self._titles: dict[str, QLabel] = {}
        for number, (key, name, tip) in enumerate(items):
            title, value = QLabel(name), ElidedLabel(tip) if key == _LONG else plain(QLabel("–"))
            title.setProperty("role", "secondary")
            title.setToolTip(tip)
            value.setToolTip(tip)
            value.setMinimumWidth(40)
            grid.addWidget(title, number // 2, number % 2 * 2)
            grid.addWidget(value, number // 2, number % 2 * 2 + 1, 1, 3 if key == _LONG else 1)
            self._labels[key], self._titles[key] = value, title
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)

    def rename(self, key: str, name: str) -> None:
        """Call a value something else; what its tip says holds for the first name only."""
        title = self._titles[key]
        if title.text() != name:
            title.setText(name)
            for widget in (title, self._labels[key]):
                widget.setToolTip(self._tips[key] if name == self._names[key] else "")

    def show_values(self, values: dict[str, str]) -> None:
        """Show a text for each name."""
        for key, text in values.items():
            label = self._labels[key]
            label.setText(text)
