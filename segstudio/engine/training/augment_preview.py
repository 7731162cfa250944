"""Patches as a training would see them, drawn by the sampler of the training itself, with their labels as pictures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.config.run import RunConfig
from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.core.sizes import median_diameter
from segstudio.engine.data.channels import plan_channels
from segstudio.engine.data.crops import CropSampler, CropSettings, Targets
from segstudio.engine.data.dataset import (
    LabelledPart,
    Reading,
    TargetStore,
    margin_px,
    object_areas,
    read_sample,
    training_image,
)
from segstudio.engine.devices import choose_device
from segstudio.engine.orientation import turn
from segstudio.engine.training.patches import patch_size
from segstudio.engine.training.preview import picture
from segstudio.io.atomic import write_atomic
from segstudio.io.read_as import open_as
from segstudio.jobs.messages import Artifact, Finished, Message, Progress
from segstudio.jobs.spec import AugmentJob, SampleRecord

#: Patches are a multiple of this: what the default network divides by.
_STRIDE = 8
#: In the label pictures: pixels of which nothing is known.
UNKNOWN = 65535
_IDS = "ids"
_NO_LIMIT = 2**40


def preview_patches(job: AugmentJob) -> Iterator[Message]:
    """Write patches of the first sample into the job's folder.

    Yields `Progress`, then an `Artifact` with the folder, whose details are the number of ``patches`` and their side
    ``patch_px``, and `Finished`.

    Raises
    ------
    BadInput
        The image has no labelled object, or a file cannot be used.
    """
    config = RunConfig.model_validate(job.config)
    plan = plan_channels([_info(sample) for sample in job.samples], config.data.channels)
    reading = Reading(plan, config.data.low_percentile, config.data.high_percentile)
    parts: list[LabelledPart] = []
    for done, sample in enumerate(job.samples):
        yield Progress(stage="Reading images", done=done, total=len(job.samples))
        parts += [_numbered(part) for part in read_sample(sample, reading)]
    shown = job.samples[0]
    if not any((part.known >= 0).any() for part in parts if part.sample.image_id == shown.image_id):
        raise BadInput(
            f"Nothing is labelled in {shown.image.name}.", hint="Outline some objects first.", code="no-labels"
        )
    learned = [part for part in parts if part.sample.split == "train"]
    diameter = median_diameter([area for part in learned or parts for area in object_areas(part.known)])
    patch = patch_size(config.data.patch_size, diameter, _STRIDE, choose_device(job.device))
    sampler = _sampler(parts, config, patch, margin_px(diameter))
    job.output.mkdir(exist_ok=True)  # not its parents: who asked may have gone and taken them away
    for number in range(job.count):
        image, targets = sampler.patch(np.random.default_rng((job.seed, number)), shown.image_id)
        _write(job.output / f"{number}-image.png", picture(image))
        _write(job.output / f"{number}-labels.png", _label_picture(targets[_IDS][0]))
    yield Artifact(
        role="picture",
        path=str(job.output),
        image_id=shown.image_id,
        details={"patches": job.count, "patch_px": patch},
    )
    yield Finished(outcome="done")


class _Ids:
    """Makes a target of the labels themselves: 0 not known, which carries no loss anywhere, 1 background, id + 1."""

    class_ids: tuple[int, ...] = (1,)
    exact_targets = frozenset({_IDS})

    def encode(
        self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None, /
    ) -> dict[str, NDArray[np.float32]]:
        """Return the ids of a whole image."""
        return {_IDS: (labels + 1)[None].astype(np.float32)}


def _sampler(parts: Sequence[LabelledPart], config: RunConfig, patch: int, margin: int) -> CropSampler:
    ids, store = _Ids(), TargetStore(Path(), _NO_LIMIT)
    settings = CropSettings(patch, config.data.foreground_fraction, 0, config.augmentation, _turned, ids.encode, margin)
    return CropSampler([training_image(part, ids, patch, store, config) for part in parts], settings)


def _turned(targets: Targets, quarter_turns: int, mirror: bool) -> Targets:
    return {name: turn(planes, quarter_turns, mirror) for name, planes in targets.items()}


def _numbered(part: LabelledPart) -> LabelledPart:
    """Return `part` with ids 1, 2, ... that float32 and a 16-bit picture hold."""
    values, place = np.unique(part.known, return_inverse=True)
    numbers = np.cumsum(values > 0)
    numbers[values < 0] = -1
    return LabelledPart(part.sample, part.image, numbers[place].reshape(part.known.shape).astype(np.int32))


def _label_picture(ids: NDArray[np.float32]) -> NDArray[np.uint16]:
    values, place = np.unique(ids, return_inverse=True)
    numbers = np.minimum(np.cumsum(values > 1), UNKNOWN - 1)
    numbers[values == 0] = UNKNOWN
    return numbers[place].reshape(ids.shape).astype(np.uint16)


def _write(path: Path, pixels: NDArray[np.generic]) -> None:
    shown = pixels[:, :, ::-1] if pixels.ndim == 3 else pixels
    write_atomic(path, cv2.imencode(".png", np.ascontiguousarray(shown))[1].tobytes())


def _info(sample: SampleRecord) -> ImageInfo:
    with open_as(sample.image, sample.axes) as source:
        return source.info
