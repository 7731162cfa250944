"""Weights of other programs become a model: read by a confined process, and fitted by name and shape into a network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from segstudio.core.errors import BadModel, WrongUsage
from segstudio.core.program import program_command
from segstudio.engine.architectures.encoders import IMAGENET_MEAN, IMAGENET_STD
from segstudio.engine.first_layer import for_channels
from segstudio.engine.model_card import ModelCard, build_formulation, build_network, save_model
from segstudio.engine.weights_reader import MEMORY, RESULT
from segstudio.io.confined import ask_once
from segstudio.jobs.messages import Artifact, Finished, Message, Progress
from segstudio.jobs.spec import ImportWeightsJob

_WAIT_S: Final = 600.0
#: What programs put before all names.
_WRAPPERS: Final = ("module.", "_orig_mod.", "net.", "network.", "state_dict.")
#: Where a foreign network may stand within ours: the same one, the library's own, its encoder alone.
_PLACES: Final = ("", "model.", "model.encoder.")
_ENCODER: Final = "model.encoder."
#: Of ours alone: which images the weights expect.
_OWN: Final = frozenset({"input_mean", "input_std"})
#: Channels of the images → how they are seen.
_SEEN: Final[dict[int, Literal["gray", "rgb"]]] = {1: "gray", 3: "rgb"}
_COUNTER: Final = "num_batches_tracked"


@dataclass(frozen=True)
class Fitted:
    """The weights of a network, with what is not from the file.

    Attributes
    ----------
    weights
        All that the network has.
    taken
        How many tensors come from the file.
    anew
        What begins with random weights, in words; empty when nothing does.
    """

    weights: dict[str, Tensor]
    taken: int
    anew: str


def import_weights(path: Path, folder: Path, card: ModelCard, seed: int = 0) -> Fitted:
    """Make a model in `folder` of the weights in `path`, for the network and the objects that `card` names.

    Raises
    ------
    BadModel
        The file holds no weights, or something that could run code, or they fit another network.
    WrongUsage
        The formulation has a network of its own.
    DiskError
        The model could not be written.
    """
    if (folder / "model.json").exists():
        raise WrongUsage(f"There is a model in {folder} already.", hint="Choose another folder.", code="model-exists")
    formulation = build_formulation(card)
    if formulation.own_network:
        raise WrongUsage(
            f"{card.formulation.name} has a network of its own, into which no other weights fit.",
            hint="Choose another formulation.",
            code="own-network",
        )
    foreign = read_weights(path)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(card, formulation)
    with torch.device("meta"):
        wider = build_network(card, type(formulation)(formulation.config, [*card.class_ids, max(card.class_ids) + 1]))
        other = wider.state_dict()
    last = {name for name, weight in network.state_dict().items() if other[name].shape != weight.shape}
    fitted = fit(path, foreign, network.state_dict(), last)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    made = card.model_copy(update={"created": created, "unlearned": fitted.anew})
    save_model(folder, made, fitted.weights)
    return fitted


def import_job(job: ImportWeightsJob) -> Iterator[Message]:
    """Do an `ImportWeightsJob`: an Artifact for the model, then Finished with the number of tensors.

    Raises
    ------
    UserError
        As `import_weights`.
    """
    yield Progress(job_id=job.job_id, stage=f"Reading {job.weights.name}", done=0, total=0)
    card = ModelCard(
        name=job.name,
        created="",
        formulation=job.formulation,
        architecture=job.architecture,
        in_channels=job.channels,
        channels=_SEEN.get(job.channels, "channels"),
        classes=job.classes,
    )
    fitted = import_weights(job.weights, job.output, card)
    yield Artifact(job_id=job.job_id, role="model", path=str(job.output), details={"unlearned": fitted.anew})
    yield Finished(job_id=job.job_id, outcome="done", summary={"tensors": fitted.taken})


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a foreign file by name; nothing of it runs here, nor is it ever loaded in another way.

    Raises
    ------
    BadModel
        There are none, or it holds something that could run code.
    """
    if not path.is_file():
        raise BadModel(f"There is no file {path}.", hint="Is the drive connected?", code="model-missing", path=path)
    with TemporaryDirectory(prefix="segstudio-") as folder:
        told = ask_once(program_command("confined", "weights", folder), MEMORY, path, _WAIT_S)
        if told is None:
            raise _refused(path, "reading it broke off")
        if "foreign" in told:
            raise BadModel(
                f"{path.name} holds more than weights ({told['foreign']}), which could run code, and is not opened.",
                hint="Save the weights alone (the state_dict) in the program that made it, best as .safetensors.",
                code="model-objects",
                path=path,
            )
        if "problem" in told:
            raise _refused(path, told["problem"])
        try:
            return dict(load_file(Path(folder) / RESULT))
        except (SafetensorError, OSError) as error:
            raise _refused(path, "its weights could not be taken over") from error


def fit(path: Path, foreign: Mapping[str, Tensor], own: Mapping[str, Tensor], last: set[str]) -> Fitted:
    """Fit foreign weights into a network by name and shape.

    Parameters
    ----------
    own
        The network's weights as they are now: random.
    last
        Those of its last layer, which depend on what it is to find.

    Raises
    ------
    BadModel
        Neither a whole network nor its encoder is in the file.
    """
    plain = {_unwrapped(name): tensor for name, tensor in foreign.items()}
    matches = {place: _matching(plain, own, place) for place in _PLACES}
    place, found = max(matches.items(), key=lambda item: len(item[1]))
    needed = {name for name in own if name not in _OWN and not name.endswith(_COUNTER)}
    missing = sorted(needed - set(found))
    encoder = {name for name in needed if name.startswith(_ENCODER)}
    if set(missing) <= last:
        anew = "its last layer" if missing else ""
    elif encoder and encoder <= set(found):
        anew = "all but its encoder"
    else:
        raise _unfit(path, plain, missing, place, own)
    weights = {**own, **found}
    if anew == "all but its encoder" and "input_mean" in own:  # as a library's encoder learned it, on photographs
        weights |= {
            "input_mean": torch.full_like(own["input_mean"], IMAGENET_MEAN),
            "input_std": torch.full_like(own["input_std"], IMAGENET_STD),
        }
    return Fitted(weights, len(found), anew)


def _unwrapped(name: str) -> str:
    while (wrapper := next((word for word in _WRAPPERS if name.startswith(word)), None)) is not None:
        name = name.removeprefix(wrapper)
    return name


def _matching(plain: Mapping[str, Tensor], own: Mapping[str, Tensor], place: str) -> dict[str, Tensor]:
    found = {}
    for name, tensor in plain.items():
        target = own.get(place + name)
        if target is None or tensor.is_complex() or not (tensor.is_floating_point() or name.endswith(_COUNTER)):
            continue
        if tensor.ndim == target.ndim == 4 and tensor.shape[1] != target.shape[1] and _is_first(place + name, own):
            tensor = for_channels(tensor.float(), target.shape[1])
        if tensor.shape == target.shape:
            found[place + name] = tensor.to(target.dtype)
    return found


def _is_first(name: str, own: Mapping[str, Tensor]) -> bool:
    return name == next(each for each, weight in own.items() if weight.ndim == 4)


def _unfit(
    path: Path, plain: Mapping[str, Tensor], missing: list[str], place: str, own: Mapping[str, Tensor]
) -> BadModel:
    lacking = missing[0]
    there = plain.get(lacking.removeprefix(place))
    why = f"{lacking} is missing"
    if there is not None:
        why = f"{lacking} is {_shape(there)} there and {_shape(own[lacking])} here"
    example = next(iter(plain))
    count, do = ("1 tensor", "does") if len(plain) == 1 else (f"{len(plain):,} tensors", "do")
    return BadModel(
        f"{path.name} holds {count}, as {example} ({_shape(plain[example])}), which {do} not fit this network: {why}.",
        hint="Choose the network, with the encoder and the settings, that it was made with.",
        code="model-unfit",
        path=path,
    )


def _shape(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape)) or "a number"


def _refused(path: Path, reason: str) -> BadModel:
    return BadModel(
        f"No weights were taken from {path.name}: {reason}.",
        hint="Save the weights alone (the state_dict) in the program that made it.",
        code="model-foreign",
        path=path,
    )
