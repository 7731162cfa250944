"""Whether a prediction will fit into memory and on the disk: asked before anything is computed."""

import shutil
from pathlib import Path
from weakref import WeakKeyDictionary

import psutil
import torch
from torch import Tensor, nn

from segstudio.config.prediction import PredictionConfig
from segstudio.core.errors import BadInput, JobFailed
from segstudio.engine.model_card import Model
from segstudio.engine.network import Network
from segstudio.engine.prediction.block_decoding import CORE, MARGIN
from segstudio.engine.prediction.map_store import MOST_PIXELS
from segstudio.engine.prediction.seen_image import SeenImage
from segstudio.engine.prediction.stitch_maps import largest_window

#: Bytes that a decoder takes for a pixel of a block, beside the maps: twice what the hungriest took in a measurement.
_DECODER_BYTES = 80
#: A layer, its input and what a skip connection keeps are in memory together.
_LAYERS_AT_ONCE = 3
_LABEL_BYTES = 4


def check_room(
    model: Model, settings: PredictionConfig, device: torch.device, seen: SeenImage, folder: Path, map_bytes: int
) -> None:
    """Refuse to predict `seen` when that would need more memory, or more room in `folder`, than there is.

    Raises
    ------
    BadInput, JobFailed
        One sentence that names the image and how much is needed, and a remedy.
    """
    height, width = seen.shape[1:]
    channels = model.formulation.out_channels
    block = min(height * width, (CORE + 2 * MARGIN) ** 2)
    need: float = block * (_DECODER_BYTES + 4 * channels)
    if device.type == "cpu":
        rows, columns = largest_window(model.network, (height, width), settings.tile_size)
        need = max(need, settings.batch_size * network_bytes(model.network, rows * columns))
    free = psutil.virtual_memory().available
    if need > free:
        raise BadInput(
            f"{seen.path.name} needs about {need / 1e9:.1f} GB of memory to be predicted; "
            f"{free / 1e9:.1f} GB are free.",
            hint="Close other programs, choose smaller tiles, or cut the image into smaller ones.",
            code="memory-before",
            path=seen.path,
        )
    if height * width <= MOST_PIXELS or not folder.is_dir():
        return
    need = height * width * (channels * map_bytes + _LABEL_BYTES)
    free = shutil.disk_usage(folder).free
    if need > free:
        raise JobFailed(
            f"Predicting {seen.path.name} needs {need / 1e9:.1f} GB on the disk of {folder} for a while; "
            f"{free / 1e9:.1f} GB are free.",
            hint="Free some space, or let the result go to another disk.",
            code="disk-before",
        )


def network_bytes(network: Network, pixels: int) -> float:
    """Return about how many bytes a prediction takes for a window of so many pixels.

    Most layers grow with the window; those of a detector that looks at a fixed number of boxes do not.
    """
    if network not in _GROWTHS:
        _GROWTHS[network] = _growths(network)
    return _LAYERS_AT_ONCE * max((fixed + growth * pixels for fixed, growth in _GROWTHS[network]), default=0.0)


#: Of each layer of a network the bytes of its output that it always has, and those for each pixel.
_GROWTHS: "WeakKeyDictionary[Network, list[tuple[float, float]]]" = WeakKeyDictionary()


def _growths(network: Network) -> list[tuple[float, float]]:
    sides = (4 * network.stride, 8 * network.stride)  # on smaller ones a detector has not yet all its boxes
    small, large = (_output_bytes(network, side) for side in sides)
    growths = []
    for layer, few in small.items():
        growth = max(0.0, (large.get(layer, few) - few) / (sides[1] ** 2 - sides[0] ** 2))
        growths.append((max(0.0, few - growth * sides[0] ** 2), growth))
    return growths


def _output_bytes(network: Network, side: int) -> dict[nn.Module, int]:
    """Return the bytes that each layer answers for a square image."""
    sizes: dict[nn.Module, int] = {}

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes[module] = max(sizes.get(module, 0), output.numel() * output.element_size())

    hooks = [m.register_forward_hook(note) for m in network.modules() if not any(m.children())]
    was_training = network.training
    try:
        with torch.inference_mode():
            device = next(network.parameters()).device
            network.eval()(torch.zeros(1, network.in_channels, side, side, device=device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return sizes
