"""A model on disk: a folder with `model.json`, the card, and `weights.safetensors`; never a pickle."""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from segstudio.config.problems import first_problem
from segstudio.core.errors import BadModel, WrongUsage
from segstudio.engine.architectures import architectures
from segstudio.engine.data.appearance import Appearance
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.network import Network
from segstudio.io.atomic import make_folders, write_together
from segstudio.jobs.model_folder import (
    CARD_NAME,
    FORMAT,
    SCHEMA_VERSION,
    WEIGHTS_LIMIT,
    WEIGHTS_NAME,
    card_content,
    damaged,
    model_folder,
)
from segstudio.jobs.spec import Choice, ClassSpec

_HEADER_LIMIT = 16 * 2**20
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}


class Normalisation(BaseModel):
    """Percentiles of each image that become 0 and 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low_percentile: float = Field(1.0, ge=0, lt=100)
    high_percentile: float = Field(99.8, gt=0, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low_percentile < self.high_percentile:
            raise ValueError(f"low_percentile {self.low_percentile:g} is not below {self.high_percentile:g}")
        return self


class TargetScale(BaseModel):
    """Intensities of the target images that the network gives as 0 and 1, one pair a channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(min_length=1, max_length=64)
    high: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(min_length=1, max_length=64)


class ModelCard(BaseModel):
    """Everything about a model but its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["segstudio-model"] = FORMAT
    schema_version: int = Field(SCHEMA_VERSION, ge=1)
    name: str = Field(max_length=300)
    created: str
    """ISO 8601 date and time."""
    formulation: Choice
    architecture: Choice
    in_channels: int = Field(ge=1, le=64)
    channels: Literal["gray", "rgb", "channels"]
    """What the network sees: gray (1 channel), colour (3) or the image's own channels."""
    channel_names: tuple[str, ...] = Field((), max_length=64)
    """Of the image's own channels, when all training images had the same."""
    classes: tuple[ClassSpec, ...] = Field(min_length=1, max_length=1000)
    normalisation: Normalisation = Normalisation()
    pixel_size_um: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Mean pixel size of the training images, when they agree on one."""
    object_diameter_px: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Median diameter of the training objects."""
    target_scale: TargetScale | None = None
    """Of a model that makes images."""
    intensity: Appearance | None = None
    """What the training images look like; cards of earlier versions do not say."""
    decode: dict[str, Any] = {}
    """Decoder settings that won on the validation images."""
    scores: dict[str, float] = {}
    trained_on: dict[str, int | float | str] = {}
    """Numbers of images and objects, steps, minutes."""
    unlearned: str = Field("", max_length=300)
    """What of it has random weights, so that it finds nothing yet; empty for a model that was trained here."""
    versions: dict[str, str] = {}
    weights_sha256: str = ""

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Class ids in the order of the network's channels."""
        return tuple(item.id for item in self.classes)


@dataclass(frozen=True)
class Model:
    """A model ready to predict: its card, network (float32, on the processor, in eval mode) and formulation."""

    card: ModelCard
    network: Network
    formulation: Formulation


def read_card(path: Path) -> ModelCard:
    """Read the card of the model at `path` (see `model_folder`); raise `BadModel` when it is none or damaged."""
    folder = model_folder(path)
    try:
        return ModelCard.model_validate(card_content(folder))
    except ValidationError as error:
        raise damaged(folder / CARD_NAME, first_problem(error)) from error


def save_model(folder: Path, card: ModelCard, weights: Mapping[str, torch.Tensor]) -> ModelCard:
    """Write a model; the card comes last, so that a folder with a card is whole. Return the card as written.

    Raises
    ------
    DiskError
        The disk refused. A model that was in the folder is then as it was.
    """
    make_folders(folder)
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
    written = card.model_copy(update={"weights_sha256": hashlib.sha256(data).hexdigest()})
    write_together({folder / WEIGHTS_NAME: data, folder / CARD_NAME: written.model_dump_json(indent=2).encode()})
    return written


def load_model(path: Path) -> Model:
    """Load the model at `path` (see `model_folder`).

    Names, shapes and types of all tensors are compared with the network that the card describes before any of them
    is read or memory for them is taken.

    Raises
    ------
    BadModel
        It is no model of this program, damaged, or needs a plug-in that is not installed.
    """
    folder = model_folder(path)
    card = read_card(folder)
    formulation = build_formulation(card)
    file = folder / WEIGHTS_NAME
    with torch.device("meta"):
        blank = build_network(card, formulation)
    check_weights(file, blank.state_dict())
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(2**20):
            digest.update(piece)
    if card.weights_sha256 and digest.hexdigest() != card.weights_sha256:
        raise damaged(file, "its content does not match the card")
    network = build_network(card, formulation)
    try:
        network.load_state_dict(load_file(file))
    except (SafetensorError, RuntimeError) as error:
        raise damaged(file, "its weights do not fit the network") from error
    return Model(card, network.eval(), formulation)


def load_learned(path: Path) -> Model:
    """Load a model to predict with; raise `BadModel`, as `load_model` does, also when it has learned nothing yet."""
    model = load_model(path)
    if model.card.unlearned:
        raise BadModel(
            f"{model.card.name} finds nothing yet: {model.card.unlearned} has random weights.",
            hint="Start a training from it, then predict with the new model.",
            code="model-unlearned",
            path=path,
        )
    return model


def build_formulation(card: ModelCard) -> Formulation:
    """Return the formulation that `card` names, with its settings."""
    try:
        kind = formulations.get(card.formulation.name)
        return kind(kind.Config.model_validate(card.formulation.settings), card.class_ids)
    except (WrongUsage, ValidationError) as error:
        raise _unknown("formulation", card.formulation.name, error) from error


def build_network(card: ModelCard, formulation: Formulation) -> Network:
    """Return the network that `card` names, or that its formulation owns, with random weights."""
    if formulation.own_network:
        return formulation.build_network(card.in_channels)
    try:
        kind = architectures.get(card.architecture.name)
        config = kind.Config.model_validate(card.architecture.settings)
    except (WrongUsage, ValidationError) as error:
        raise _unknown("architecture", card.architecture.name, error) from error
    return kind(config).build(card.in_channels, formulation.out_channels)


def check_weights(file: Path, expected: Mapping[str, torch.Tensor]) -> None:
    """Compare the header of a safetensors file with the tensors `expected`; raise `BadModel` on any difference."""
    header = _header(file)
    names = set(header) - {"__metadata__"}
    if missing := sorted(set(expected) - names):
        raise damaged(file, f"{missing[0]} is missing")
    if foreign := sorted(names - set(expected)):
        raise damaged(file, f"{foreign[0]} does not belong to the network")
    for name, tensor in expected.items():
        entry = header[name]
        if not isinstance(entry, dict) or entry.get("shape") != list(tensor.shape):
            raise damaged(file, f"{name} has another shape than the network's {tuple(tensor.shape)}")
        if _DTYPES.get(str(entry.get("dtype"))) != tensor.dtype:
            raise damaged(file, f"{name} has another type than the network's {tensor.dtype}")


def _header(file: Path) -> dict[str, Any]:
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise damaged(file, "it is missing") from None
    if not 8 < size <= WEIGHTS_LIMIT:
        raise damaged(file, f"its size of {size} bytes is impossible")
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > min(_HEADER_LIMIT, size - 8):
            raise damaged(file, "its header is longer than the file")
        data = stream.read(length)
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise damaged(file, "its header is not readable") from None
    if not isinstance(header, dict):
        raise damaged(file, "its header is not readable")
    return header


def _unknown(what: str, name: str, error: WrongUsage | ValidationError) -> BadModel:
    if isinstance(error, ValidationError):
        words = (
            f"The model needs the {what} {name!r} with settings that this installation does not know: "
            f"{first_problem(error)}."
        )
    else:  # that there is none, or why it is broken
        words = f"The model cannot be used with this installation. {error.message}"
    return BadModel(
        words,
        hint="Install the plug-in that the model was made with, or update SegStudio.",
        code=f"model-{what}",
    )
