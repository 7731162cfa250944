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
    """Of the image; for a plane of a stack with a dot and the number of the plane."""
    image: Path
    axes: str = ""
    """What the axes of the image mean, as `segstudio.io.read_as` takes it; empty for what its file says."""
    plane: int | None = None
    """Plane of a stack, from 0; labels and regions are those of all planes then. ``None`` for a flat image."""
    labels: Path | None = None
    """Label image; ``None`` means that nothing is labelled."""
    regions: Path | None = None
    """uint8 TIFF beside the labels: 0 not stated, 1 completely labelled, 2 ignore."""
    target: Path | None = None
    """Image that a network is to make of this one; only formulations that learn images need it."""
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


class RangeTestJob(_Frozen):
    """Try rising learning rates on the data of a training, to find one that suits; no model comes of it."""

    kind: Literal["range-test"] = "range-test"
    job_id: str
    training: TrainJob
    """Its data, network and settings; its run folder is not touched."""
    steps: int = Field(100, ge=20, le=2000)

    @property
    def device(self) -> Device:
        """Device that the training asks for."""
        return self.training.device


class PredictImage(_Frozen):
    """One image to predict and where its label image goes."""

    image_id: str
    image: Path
    axes: str = ""
    """As in `SampleRecord`."""
    plane: int | None = None
    """Plane of a stack, from 0; ``None`` for a flat image, and for the first plane of a stack."""
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


class EvaluateJob(_Frozen):
    """Predict labelled images with a model and count what it finds, misses and invents."""

    kind: Literal["evaluate"] = "evaluate"
    job_id: str
    model: Path
    samples: tuple[SampleRecord, ...]
    """Images with their labels; whatever their split is."""
    report: Path
    """JSON to write, see `segstudio.jobs.evaluation`."""
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
    start_from: Path | None = None
    """The network is that of this model, whatever `architecture` says."""
    classes: tuple[ClassSpec, ...] = ()
    """Those of the project; none where they are not known."""
    channels: int = 1


class SummaryJob(_Frozen):
    """Describe a network without training it: layers, size, work, memory, how far it sees."""

    kind: Literal["summary"] = "summary"
    job_id: str
    output: Path
    """JSON file to write, a `segstudio.jobs.network_report.NetworkReport`."""
    formulation: Choice = Choice(name="joint")
    architecture: Choice = Choice(name="unet")
    model: Path | None = None
    """A finished model instead: its formulation, network, channels and classes are described."""
    channels: int = Field(1, ge=1, le=64)
    """Channels of the images."""
    classes: int = Field(1, ge=1, le=1000)
    config: dict[str, dict[str, Any]] = {}
    """Sections of RunConfig; patch, batch and tile size count."""
    object_diameter_px: float | None = Field(None, gt=0)
    """Median diameter of the training objects, for the automatic patch."""
    device: Device = "auto"


class InspectJob(_Frozen):
    """Look into a finished model: what a layer answers for a part of an image, and what the result depends on."""

    kind: Literal["inspect"] = "inspect"
    job_id: str
    model: Path
    image: Path
    axes: str = ""
    """As in `SampleRecord`."""
    window: tuple[int, int, int, int]
    """Part of the image: first and last row and column as y0, x0, y1, x1, the last ones excluded."""
    layer: str = ""
    """Dotted name of a layer, ``""`` for the image itself."""
    point: tuple[int, int] | None = None
    """Row and column in the image: look at the object there, or that pixel; ``None`` at all objects."""
    output: Path
    """Folder to write `segstudio.jobs.network_report.Inside` and its arrays into."""
    device: Device = "auto"


class AugmentJob(_Frozen):
    """Draw patches as a training would see them, with their labels."""

    kind: Literal["augment"] = "augment"
    job_id: str
    samples: tuple[SampleRecord, ...] = Field(min_length=1)
    """The patches are of the first one; the others lend objects, corners of mosaics, and their size."""
    output: Path
    """Folder to write ``0-image.png``, ``0-labels.png`` ... into; its parent must exist. Labels are 16-bit: 0 no
    object, 65535 not known, all else an object."""
    config: dict[str, dict[str, Any]] = {}
    """Sections of RunConfig; data and augmentation count."""
    count: int = Field(8, ge=1, le=64)
    seed: int = Field(0, ge=0)
    """The same seed draws the same patches."""
    device: Device = "auto"
    """What would train; the automatic patch size depends on it."""


class ImportWeightsJob(_Frozen):
    """Make a model of weights that another program learned, to start trainings from."""

    kind: Literal["import-weights"] = "import-weights"
    job_id: str
    weights: Path
    """Their file; nothing in it is run."""
    output: Path
    """Folder of the model to make; there must be none in it."""
    name: str = Field(max_length=300)
    formulation: Choice = Choice(name="joint")
    architecture: Choice = Choice(name="unet")
    channels: int = Field(1, ge=1, le=64)
    """Channels of the images."""
    classes: tuple[ClassSpec, ...] = Field(min_length=1, max_length=1000)


class CatalogueJob(_Frozen):
    """Write what the engine offers, as JSON schemas, to a file."""

    kind: Literal["catalogue"] = "catalogue"
    job_id: str
    output: Path


JobSpec = Annotated[
    TrainJob
    | PredictJob
    | EvaluateJob
    | DecodeJob
    | ValidateJob
    | CatalogueJob
    | SummaryJob
    | InspectJob
    | AugmentJob
    | ImportWeightsJob
    | RangeTestJob,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[JobSpec] = TypeAdapter(JobSpec)


def job_from_json(text: str | bytes) -> JobSpec:
    """Read a job; raise ``pydantic.ValidationError`` when it is none."""
    return _ADAPTER.validate_json(text)
