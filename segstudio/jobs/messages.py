"""What a background job says: one JSON line a message, the same for the window, the command line and a run's log."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter

V = TypeVar("V", float, float | int | str)


def finite(values: Mapping[str, V]) -> dict[str, V]:
    """Return `values` without the figures that are no finite number: JSON has none."""
    return {name: value for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)}


#: Written without what is not finite, for which the whole message could not be read again.
_Figures = Annotated[dict[str, float], PlainSerializer(finite, when_used="json")]
_Details = Annotated[dict[str, float | int | str], PlainSerializer(finite, when_used="json")]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    time: float = 0.0
    """Seconds since the epoch, set by the sender."""
    job_id: str = ""


class Started(_Message):
    """The job runs, on this device."""

    kind: Literal["started"] = "started"
    device: str
    """``"cpu"``, ``"cuda:0"``, ``"mps"``."""
    device_name: str
    pid: int


class Progress(_Message):
    """How far the job is."""

    kind: Literal["progress"] = "progress"
    stage: str
    """In words: "Reading images", "Training", "Predicting a12"."""
    done: int
    total: int
    """0 when unknown."""
    rate: float | None = None
    """Images (patches) per second."""
    remaining_s: float | None = None


class Metric(_Message):
    """Figures at one moment of a training: a point of each curve."""

    kind: Literal["metric"] = "metric"
    epoch: float
    """Epochs learned so far; 0.4 within the first one."""
    step: int
    elapsed_s: float
    values: _Figures
    """``train_loss``, ``val_loss``, ``val_f1``, ``val_ap``, ``val_iou``, ``learning_rate``, ``images_per_s``,
    and ``train_<term>`` for each loss term.

    With each validation also ``val_f1_low`` and ``val_f1_high``, the 95 % interval of ``val_f1`` by bootstrap over
    images (absent when there is one image only), and ``val_objects`` and ``val_predicted``: true objects that were
    looked for, and objects that the network found, rightly or not. A network that makes images has ``val_ssim``,
    ``val_psnr`` (dB) and ``val_mae`` instead."""
    best: bool = False
    """Whether the weights of this moment are the best so far."""


class Facts(_Message):
    """What a training found out about its data and network before and while it learns; advice is made of it.

    A training says it once before its first step, and again when it is resumed. Keys of `values`:

    Data: ``train_images``, ``train_objects``, ``validation_images``, ``validation_objects`` (0 when no image is kept
    for validation, ``own_validation`` is then false and scores come from training images), ``train_labelled_px``,
    ``validation_labelled_px``, ``train_objects:NAME`` and ``validation_objects:NAME`` for the class NAME, 0 included;
    ``object_diameter_px`` (median) and ``object_diameter_p90_px`` of training objects; ``small_object_px`` (area below
    which a tenth of the objects of a class lie, of the class with the smallest); ``pixel_size_um`` (none when images
    differ); ``low_percentile``, ``high_percentile`` of the normalisation.

    Network: ``formulation``, with ``result`` and ``separates`` as the catalogue has them, ``architecture`` (``"own"``
    where the formulation builds it), ``parameters``, ``stride``, ``channels``, ``reach_px`` (pixels that it looks
    beyond a block of ``stride``: half of its receptive field; none when ``sees_whole``), ``sees_whole``,
    ``from_scratch``; where its levels can be set, ``levels_setting`` (its name), ``levels`` and ``most_levels``; where
    it looks for objects up to a size, ``largest_setting``, ``largest_px`` and ``most_px``.

    Start, only for a training that begins with a model: ``start_f1`` and ``start_ap`` of that model on the validation
    images, ``start_low_percentile`` and ``start_high_percentile``.

    Validation images that look unlike the training images, absent when there are none: ``unlike_images`` (names),
    ``unlike_image_id`` (of the first) and ``unlike_reason`` (why, in words).

    Plan: ``device`` (``"cpu"``, ``"cuda"``, ``"mps"``), ``patch_px``, ``batch``, ``learning_rate`` (peak),
    ``schedule``, ``precision``, ``minutes`` and ``epochs`` (0: no limit). A dry run tells the same before anything is
    read into targets, and besides ``test_images``, ``classes``, ``channel_kind``, ``device_name``, ``processes``,
    ``batches_in_step``, ``optimiser``, ``steps`` (0: no limit), ``memory_mb``, ``free_memory_mb``, ``run_folder``.
    """

    kind: Literal["facts"] = "facts"
    values: dict[str, float | int | str | bool | None]


class Preview(_Message):
    """How the network sees one validation image now: PNG files in the run folder."""

    kind: Literal["preview"] = "preview"
    epoch: float
    image: str
    truth: str
    prediction: str
    caption: str
    """In words: "finds 9 of 10 objects"."""


class Artifact(_Message):
    """A file is ready."""

    kind: Literal["artifact"] = "artifact"
    role: Literal["labels", "image", "maps", "model", "picture", "report", "catalogue"]
    path: str
    image_id: str = ""
    details: _Details = {}


class Warned(_Message):
    """Something the user should know; the job goes on."""

    kind: Literal["warned"] = "warned"
    message: str
    hint: str = ""
    code: str = ""


class StateChanged(_Message):
    """The job was paused or goes on."""

    kind: Literal["state"] = "state"
    state: Literal["running", "paused", "stopping"]


class Failed(_Message):
    """The job ended without its result."""

    kind: Literal["failed"] = "failed"
    code: str
    message: str
    hint: str = ""
    details: str = ""
    """Traceback or last lines of the log, folded away in the window."""


class Finished(_Message):
    """The job ended: ``done`` by itself, ``stopped`` on request with its best result kept."""

    kind: Literal["finished"] = "finished"
    outcome: Literal["done", "stopped"]
    summary: _Details = {}


Message = Annotated[
    Started | Progress | Metric | Facts | Preview | Artifact | Warned | StateChanged | Failed | Finished,
    Field(discriminator="kind"),
]

#: Longest line that a reader accepts, bytes.
LINE_LIMIT = 1_000_000

_ADAPTER: TypeAdapter[Message] = TypeAdapter(Message)


def to_line(message: Message) -> str:
    """Return `message` as one JSON line without the newline."""
    return message.model_dump_json()


def from_line(line: str | bytes) -> Message:
    """Read one message; raise ``pydantic.ValidationError`` or ``ValueError`` when it is none."""
    if len(line) > LINE_LIMIT:
        raise ValueError(f"A message of {len(line)} bytes is too long.")
    return _ADAPTER.validate_json(line)
