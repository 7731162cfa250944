"""Looking into a finished model: what its layers answer for a part of an image, and what the result depends on."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.core.errors import BadInput, BadModel
from segstudio.core.tiles import Window
from segstudio.engine.devices import choose_device
from segstudio.engine.model_card import Model, load_model
from segstudio.engine.network import Network
from segstudio.engine.prediction.job_settings import decode_settings
from segstudio.engine.prediction.seen_image import SeenImage
from segstudio.engine.prediction.tile_plan import padded_shape
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.jobs.messages import Artifact, Finished, Message, Progress
from segstudio.jobs.network_report import Inside, Map
from segstudio.jobs.spec import InspectJob, PredictJob

#: Most channels of a layer that are shown.
_MOST = 48
#: Shares of the values that become black and white.
_LOW, _HIGH = 0.5, 99.5
#: No network halves the image more often than this.
_MOST_LEVELS = 8
#: Largest part of an image that is looked at, pixels a side.
LARGEST = 1024


@dataclass
class _Recorder:
    """Hears what goes forward and backward through the modules of a network, of an image of `size` pixels."""

    wanted: str
    size: tuple[int, int]
    heard_of: set[str] = field(default_factory=set)
    norms: dict[str, float] = field(default_factory=dict)
    answer: Tensor | None = None
    gradient: Tensor | None = None

    def heard(self, path: str, output: object) -> None:
        """Note an output, and its gradient when that comes back."""
        maps = _as_maps(output, self.size) if isinstance(output, Tensor) else None
        if not isinstance(output, Tensor) or maps is None:
            return
        first = path not in self.heard_of
        self.heard_of.add(path)
        wanted = path == self.wanted and self.answer is None
        if wanted:
            self.answer = maps.detach().clone()  # what comes next may write over it
        if output.requires_grad and first:
            output.register_hook(lambda gradient: self._back(path, gradient, wanted))  # type: ignore[no-untyped-call]

    def _back(self, path: str, gradient: Tensor, wanted: bool) -> None:
        norm = float(gradient.square().mean().sqrt())
        if math.isfinite(norm):  # of a detector that has found no box there is none
            self.norms[path] = norm
        if wanted:
            maps = _as_maps(gradient, self.size)
            self.gradient = None if maps is None else maps.detach().clone()


def _as_maps(output: Tensor, size: tuple[int, int]) -> Tensor | None:
    """Return what a layer gives as maps ``(1, C, h, w)``, ``None`` when it is none.

    Transformers give them as ``(1, h * w, C)``, row by row, of the image of `size` at a power of two of its stride.
    """
    if output.dim() == 4:
        return output
    if output.dim() != 3 or len(output) != 1:
        return None
    for level in range(_MOST_LEVELS):
        height, width = size[0] >> level, size[1] >> level
        if height * width == output.shape[1]:
            return output.transpose(1, 2).reshape(1, output.shape[2], height, width)
    return None


def inspect_model(job: InspectJob) -> Iterator[Message]:
    """Write `Inside` of a model into `job.output`: an Artifact ``"report"``, then Finished.

    Notes
    -----
    The gradient is that of half the squared sum of the raw maps over the pixels looked at, so that it points to what
    the answer there depends on, whatever the maps mean and whatever their signs (as saliency maps of Simonyan et al.
    2014, for all maps at once).

    Raises
    ------
    UserError
        The model cannot be used, the image does not fit it, or there is no such layer.
    """
    yield Progress(stage="Looking into the model", done=0, total=1)
    model = load_model(job.model)
    device = choose_device(job.device)
    network = model.network.to(device)
    kind = _kind(model, job)
    image, window = _region(model, job, network.stride)
    seen = torch.from_numpy(image)[None].to(device).requires_grad_()
    recorder = _Recorder(job.layer if job.layer else "\0", (image.shape[1], image.shape[2]))
    maps = _forward(network, seen, recorder)
    told = _backward(maps, _target(model, job, maps, window))
    answer, gradient = _heard(job, seen, recorder)
    part = (window.height / image.shape[1], window.width / image.shape[2])
    pictures, shown = _pictures(answer, part)
    arrows, sensitive = _pictures(gradient, part, signed=True) if gradient is not None else ([], _none())
    inside = Inside(
        layer=job.layer,
        kind=kind,
        shape=tuple(answer.shape[1:]),
        window=(window.y0, window.x0, window.y1, window.x1),
        maps=tuple(pictures),
        gradients=tuple(arrows),
        norms=recorder.norms,
        target=told,
    )
    yield Artifact(role="report", path=str(_written(job.output, inside, shown, sensitive)))
    yield Finished(outcome="done")


def _written(folder: Path, inside: Inside, shown: NDArray[np.uint8], sensitive: NDArray[np.uint8]) -> Path:
    """Write a report and its pictures; return where the report lies."""
    make_folders(folder)
    write_atomic(folder / "maps.npy", _npy(shown))
    write_atomic(folder / "gradients.npy", _npy(sensitive))
    report = folder / "inside.json"
    write_atomic(report, inside.model_dump_json().encode())
    return report


def _kind(model: Model, job: InspectJob) -> str:
    """Return what sort of layer is looked at; without one it is the image."""
    layers = dict(model.network.named_modules())
    if job.layer not in layers:
        raise BadModel(
            f"The model {model.card.name} has no layer called {job.layer}.",
            hint="Choose a layer of its list.",
            code="no-layer",
            path=job.model,
        )
    return type(layers[job.layer]).__name__ if job.layer else "Image"


def _heard(job: InspectJob, image: Tensor, recorder: _Recorder) -> tuple[Tensor, Tensor | None]:
    """Return what the layer answered, or the image without one, and the gradient there, if one came back."""
    answer, gradient = (recorder.answer, recorder.gradient) if job.layer else (image.detach(), image.grad)
    if answer is None:
        raise BadInput(
            f"The layer {job.layer} gives no pictures: only layers with channels, rows and columns do.",
            hint="Choose another layer.",
            code="no-maps",
        )
    return answer, gradient


def _region(model: Model, job: InspectJob, stride: int) -> tuple[NDArray[np.float32], Window]:
    """Return the wanted part ``(C, h, w)`` of the image, mirrored up to multiples of the stride, and its window."""
    with SeenImage(model.card, job.image, axes=job.axes) as seen:
        window = Window(*job.window).clip((seen.shape[1], seen.shape[2]))
        if window.empty:
            raise BadInput(
                f"The part {job.window} lies beside {job.image.name}.", hint="Choose a part of it.", code="beside"
            )
        largest = Window(window.y0, window.x0, window.y0 + LARGEST, window.x0 + LARGEST)
        window = window.intersect(largest)
        part = seen.read(window)
    rows, columns = padded_shape(window.shape, stride)
    padding = ((0, 0), (0, rows - window.height), (0, columns - window.width))
    return np.pad(part, padding, mode="symmetric"), window


def _forward(network: Network, image: Tensor, recorder: _Recorder) -> Tensor:
    with ExitStack() as stack:
        for path, module in network.named_modules():
            hook = module.register_forward_hook(lambda _m, _i, output, path=path: recorder.heard(path, output))
            stack.callback(hook.remove)
        with torch.enable_grad():
            maps: Tensor = network.eval()(image)
    return maps


def _target(model: Model, job: InspectJob, maps: Tensor, window: Window) -> tuple[NDArray[np.bool_], str]:
    """Return the pixels ``(h, w)`` of the window at which the answer is asked after, and what they are."""
    with torch.inference_mode():
        activated = model.formulation.activate(maps.detach().float())[0].cpu().numpy()
    decoding = PredictJob(job_id=job.job_id, model=job.model, images=())
    found = model.formulation.decode(
        np.ascontiguousarray(activated[:, : window.height, : window.width]),
        decode_settings(model.card, model.formulation, decoding),
    ).labels
    if job.point is None:
        count = int(found.max())
        if not count:
            return np.ones(window.shape, np.bool_), "the whole part: the model finds no object in it"
        return found > 0, f"the {count} objects that the model finds here" if count > 1 else "the object found here"
    row, column = job.point[0] - window.y0, job.point[1] - window.x0
    if not (0 <= row < window.height and 0 <= column < window.width):
        raise BadInput(
            "The object lies beside the part that is looked at.", hint="Move it into the middle first.", code="beside"
        )
    if found[row, column]:
        return found == found[row, column], "one object"
    pixel = np.zeros(window.shape, np.bool_)
    pixel[row, column] = True
    return pixel, "one pixel: the model finds no object there"


def _backward(maps: Tensor, target: tuple[NDArray[np.bool_], str]) -> str:
    """Send the gradient back; return at what it was taken, empty when the network hands none back."""
    if not maps.requires_grad:
        return ""
    pixels = torch.from_numpy(target[0]).to(maps.device)
    chosen = maps[0, :, : pixels.shape[0], : pixels.shape[1]][:, pixels]
    (chosen.float().square().sum() / 2).backward()  # type: ignore[no-untyped-call]
    return target[1]


def _pictures(
    answer: Tensor, part: tuple[float, float], *, signed: bool = False
) -> tuple[list[Map], NDArray[np.uint8]]:
    """Return the strongest channels as pictures ``(n, h, w)``, without what was mirrored.

    Signed values are shown by their size: a gradient far from 0 is bright, whichever its sign.
    """
    planes = np.nan_to_num(answer[0].float().cpu().numpy())
    rows, columns = (
        max(1, math.ceil(share * length - 1e-9)) for share, length in zip(part, planes.shape[1:], strict=True)
    )
    planes = planes[:, :rows, :columns]
    if signed:
        planes = np.abs(planes)
    strength = np.sqrt(np.square(planes).mean((1, 2))) if signed else planes.std((1, 2))
    order = np.argsort(-strength, kind="stable")[:_MOST]
    pictures = [_picture(planes[channel], from_zero=signed) for channel in order]
    maps = [Map(channel=int(c), low=low, high=high) for c, (_, low, high) in zip(order, pictures, strict=True)]
    return maps, np.stack([picture for picture, _, _ in pictures])


def _picture(plane: NDArray[np.float32], *, from_zero: bool) -> tuple[NDArray[np.uint8], float, float]:
    low, high = (float(value) for value in np.percentile(plane, (_LOW, _HIGH)))
    if from_zero:
        low = 0.0
    if high <= low:  # a constant, or a few specks
        low, high = min(low, float(plane.min())), max(high, float(plane.max()))
    span = high - low
    scaled = np.zeros(plane.shape) if span <= 0 else np.clip((plane - low) / span, 0, 1)
    return np.round(255 * scaled).astype(np.uint8), low, high


def _none() -> NDArray[np.uint8]:
    return np.zeros((0, 1, 1), np.uint8)


def _npy(array: NDArray[np.uint8]) -> bytes:
    stream = BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
