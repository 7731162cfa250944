"""What a background job is told: frozen, JSON, complete, so that the same file runs anywhere."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Device = Literal["auto", "cpu", "cuda", "mps"]
Split = Literal["train", "val", "test"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSpec(_Frozen):
    """One class of objects."""

    id: int
    name: str


class SampleRecord(_Frozen):
    """One image with what is known about it: files only, never arrays."""

    image_id: str
    image: Path
    labels: Path | None = None
    """Label image; ``None`` means that nothing is labelled."""
    regions: Path | None = None
    """uint8 TIFF beside the labels: 0 not stated, 1 completely labelled, 2 ignore."""
    complete: bool = False
    """The whole image is completely labelled: unlabelled pixels are background."""
    object_classes: dict[int, int] = {}
    """Object id to class id; missing ones have the first class."""
    pixel_size_um: float | None = None
    split: Split = "train"


class Choice(_Frozen):
    """A plug-in by name, with its settings as its own Config validates them."""

    name: str
    settings: dict[str, Any] = {}


class TrainJob(_Frozen):
    """Train a model."""

    kind: Literal["train"] = "train"
    job_id: str
    name: str
    run_folder: Path
    samples: tuple[SampleRecord, ...]
    classes: tuple[ClassSpec, ...]
    formulation: Choice = Choice(name="joint")
    architecture: Choice = Choice(name="unet")
    config: dict[str, dict[str, Any]] = {}
    """Sections of `segstudio.config.run.RunConfig`: data, augmentation, training, prediction."""
    start_from: Path | None = None
    """Folder of a model whose weights are the start."""
    resume: bool = False
    """Go on from the newest checkpoint in `run_folder`."""
    device: Device = "auto"


class PredictImage(_Frozen):
    """One image to predict and where its label image goes."""

    image_id: str
    image: Path
    output: Path
    """Label TIFF to write, atomically."""
    maps: Path | None = None
    """Where to keep the network's maps for a `DecodeJob`; ``None`` keeps none."""


class PredictJob(_Frozen):
    """Predict label images with a model."""

    kind: Literal["predict"] = "predict"
    job_id: str
    model: Path
    images: tuple[PredictImage, ...]
    settings: dict[str, Any] = {}
    """Section `prediction` of RunConfig."""
    decode: dict[str, Any] = {}
    """Overrides of the model's decoder settings: threshold, min_size ..."""
    device: Device = "auto"


class DecodeJob(_Frozen):
    """Decode kept maps again with other settings, without the network."""

    kind: Literal["decode"] = "decode"
    job_id: str
    model: Path
    image_id: str
    maps: Path
    output: Path
    decode: dict[str, Any] = {}


class ValidateJob(_Frozen):
    """Check the settings of a training without starting it."""

    kind: Literal["validate"] = "validate"
    job_id: str
    formulation: Choice
    architecture: Choice
    config: dict[str, dict[str, Any]] = {}
    channels: int = 1


class CatalogueJob(_Frozen):
    """Write what the engine offers, as JSON schemas, to a file."""

    kind: Literal["catalogue"] = "catalogue"
    job_id: str
    output: Path


JobSpec = Annotated[TrainJob | PredictJob | DecodeJob | ValidateJob | CatalogueJob, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[JobSpec] = TypeAdapter(JobSpec)


def job_from_json(text: str | bytes) -> JobSpec:
    """Read a job; raise ``pydantic.ValidationError`` when it is none."""
    return _ADAPTER.validate_json(text)
