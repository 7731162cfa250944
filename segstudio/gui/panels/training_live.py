"""What a running training says: in words, in figures, and as image, truth and prediction beside each other."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import ElidedLabel, Section, button, caption, row
from segstudio.gui.theme import FONT_SECONDARY, icon, tokens
from segstudio.jobs.messages import Preview, Progress
from segstudio.jobs.spec import TrainJob
from segstudio.session.background import Background
from segstudio.session.curves import epoch_words
from segstudio.session.doctor import EXPLAINED
from segstudio.session.job import Job, clock
from segstudio.session.session import Session

#: Epochs without a better score after which the read-out says so.
_STILL = 5
#: The figure whose text may be long.
_LONG = "device"
#: Width of the window with the enlarged pictures, pixels.
_LARGE_WIDTH = 960


class LiveTraining(Section):
    """The training that runs now, with its brakes."""

    def __init__(self, session: Session) -> None:
        super().__init__(" ")
        self._session = session
        self._job: Job | None = None
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
        self._words.setText(self._say(job))
        self._show_progress(job.progress)
        self._name_figures(_learns_images(job))
        self._figures.show_values(_values(job))
        self.preview.show_preview(job.preview)
        warnings = [item for item in job.warnings if item.code not in EXPLAINED]
        self._warning.setText(f"{warnings[-1].message} {warnings[-1].hint}".strip() if warnings else "")
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
        self.preview.middle = self.tr("target") if images else ""

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
        return f"{found}; {self._trend(job)}."

    def _trend(self, job: Job) -> str:
        if job.metric is None or job.best is None or job.metric.epoch - job.best.epoch < _STILL:
            return self.tr("still improving")
        return self.tr("no better since epoch {0}").format(epoch_words(job.best.epoch))

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
            title, value = QLabel(name), ElidedLabel(tip) if key == _LONG else QLabel("–")
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


class PreviewStrip(QWidget):
    """One validation image, what a person drew, and what the network sees now."""

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._preview: Preview | None = None
        self._pictures: list[QPixmap] = []
        self._large: PreviewStrip | None = None
        self.middle = ""
        """What the picture in the middle is called; drawn by hand when empty."""
        self.setFixedHeight(0)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def enlarge(self) -> QDialog:
        """Show the pictures in a window of their own, which follows the training."""
        dialog = QDialog(self)
        dialog.setWindowTitle(self.tr("What the network sees now"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._large = PreviewStrip(self._background)
        self._large.unsetCursor()
        self._large.middle = self.middle
        dialog.destroyed.connect(self._forget_large)
        column = QVBoxLayout(dialog)
        column.addWidget(self._large)
        column.addStretch(1)
        dialog.resize(_LARGE_WIDTH, _LARGE_WIDTH // 2)
        self._large.show_preview(self._preview)
        dialog.show()
        return dialog

    def _forget_large(self) -> None:
        self._large = None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Enlarge at a click."""
        if self.cursor().shape() == Qt.CursorShape.PointingHandCursor and self._pictures:
            self.enlarge()
        else:
            super().mouseReleaseEvent(event)

    def show_preview(self, preview: Preview | None) -> None:
        """Show the three pictures as soon as they are read; the ones before stay until then."""
        if preview is self._preview:
            return
        self._preview = preview
        if self._large is not None and preview is not None:
            self._large.show_preview(preview)
        if preview is None:
            self._take(None, [])
            return
        paths = (preview.image, preview.truth, preview.prediction)
        self._background.run(
            lambda: [picture for path in paths if path and not (picture := QImage(path)).isNull()],
            lambda pictures: self._take(preview, pictures),
        )

    def _take(self, preview: Preview | None, pictures: list[QImage]) -> None:
        if preview is not self._preview:
            return  # a newer one came meanwhile
        self._pictures = [QPixmap.fromImage(picture) for picture in pictures]
        self.setToolTip(
            self.tr("After epoch {0}: {1}. Click to enlarge.").format(epoch_words(preview.epoch), preview.caption)
            if preview
            else ""
        )
        self.setFixedHeight(self._cell().height() + 20 if self._pictures else 0)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the pictures beside each other, each with its name below."""
        if not self._pictures:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(tokens().colour("secondary"))
        font = self.font()
        font.setPixelSize(FONT_SECONDARY)
        painter.setFont(font)
        cell = self._cell()
        for number, (picture, name) in enumerate(
            zip(self._pictures, (self.tr("image"), self.middle or self.tr("by hand"), self.tr("network")), strict=False)
        ):
            frame = QRectF(number * (cell.width() + 6), 0, cell.width(), cell.height())
            size = picture.size().scaled(frame.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            corner = frame.topLeft() + QPointF((cell.width() - size.width()) / 2, (cell.height() - size.height()) / 2)
            painter.drawPixmap(QRectF(corner, size.toSizeF()), picture, QRectF(picture.rect()))
            painter.drawText(
                QRectF(frame.left(), frame.bottom() + 2, frame.width(), 16), Qt.AlignmentFlag.AlignHCenter, name
            )

    def sizeHint(self) -> QSize:
        """Return a size that fits the panel."""
        return QSize(280, self.height())

    def resizeEvent(self, event: object) -> None:
        """Keep the height that fits the width."""
        if self._pictures:
            self.setFixedHeight(self._cell().height() + 20)

    def _cell(self) -> QSize:
        width = max(40, (self.width() - 12) // 3)
        tallest = max((picture.height() / max(1, picture.width()) for picture in self._pictures), default=1.0)
        return QSize(width, min(2 * width, round(width * tallest)))
