"""The network's maps of an image of any size, tile by tile; the same as of the whole wherever a network allows it."""

from collections.abc import Generator
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.prediction import PredictionConfig
from segstudio.core.tiles import Window
from segstudio.engine.formulations.base import Formulation
from segstudio.engine.network import Network
from segstudio.engine.prediction.halo import halo_of, reach_of
from segstudio.engine.prediction.map_store import MapStore, MemoryStore
from segstudio.engine.prediction.seen_image import ArrayImage, Readable
from segstudio.engine.prediction.tile_plan import Tile, padded_shape, plan_blended, plan_tiles

#: Mirrorings over which test-time flips average, as axes of ``(N, C, H, W)``.
_FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))
_CLEARED_ROWS = 256


def predict_maps(
    network: Network,
    formulation: Formulation,
    image: NDArray[np.float32],
    settings: PredictionConfig | None = None,
    device: torch.device | str = "cpu",
) -> NDArray[np.float32]:
    """Return the activated maps ``(out_channels, H, W)`` of a normalised image.

    Parameters
    ----------
    network
        On `device` already. It is switched to eval mode, and back afterwards.
    image
        ``(C, H, W)`` float32, normalised as a whole (`segstudio.engine.data.normalise`); any size from 1 x 1.
    settings
        Tiles, precision, flips; ``None`` for the defaults.

    Notes
    -----
    With 32-bit precision the result differs from one pass over the whole image by rounding only (at most 1e-5).
    A network that sees the whole image at every pixel is given images of up to two tiles' side whole, larger ones in
    tiles that overlap by half and fade into each other.
    """
    maps = MemoryStore(np.empty((formulation.out_channels, *image.shape[1:]), np.float32))
    chosen = settings or PredictionConfig()
    for _ in map_steps(network, formulation, ArrayImage(image), chosen, torch.device(device), maps):
        pass
    return maps.array


def map_steps(
    network: Network,
    formulation: Formulation,
    image: Readable,
    settings: PredictionConfig,
    device: torch.device,
    maps: MapStore,
) -> Generator[tuple[int, int], None, None]:
    """Do the work of `predict_maps` step by step into `maps`; yields tiles done and all tiles.

    Who closes it between two steps stops it; the network is in the mode that it was in.
    """
    padded = _Padded(image, network.stride)
    tiles = _tiles_for(network, padded.shape, settings.tile_size)
    if tiles[0].shares is not None:
        _clear(maps)
    was_training = network.training
    network.eval()
    done = 0
    try:
        for batch in _batches(tiles, settings.batch_size):
            seen = np.stack([padded.read(tile.window) for tile in batch])
            answers = _answer(network, formulation, torch.from_numpy(seen), settings, device)
            for tile, answer in zip(batch, answers.cpu().numpy(), strict=True):
                _keep(maps, tile, answer)
            done += len(batch)
            yield done, len(tiles)
    finally:
        network.train(was_training)


def is_blended(network: Network, size: tuple[int, int], tile_size: int) -> bool:
    """Return whether an image of `size` is predicted in tiles that fade into each other."""
    return _tiles_for(network, padded_shape(size, network.stride), tile_size)[0].shares is not None


def largest_window(network: Network, size: tuple[int, int], tile_size: int) -> tuple[int, int]:
    """Return rows and columns of the largest window of an image that the network is given at once."""
    tiles = _tiles_for(network, padded_shape(size, network.stride), tile_size)
    return max((tile.window.shape for tile in tiles), key=lambda shape: shape[0] * shape[1])


class _Padded:
    """An image mirrored at its bottom and right until its sides are multiples of the stride, without a copy of it."""

    def __init__(self, image: Readable, stride: int) -> None:
        self._image = image
        size = image.shape[1:]
        self.shape = padded_shape((size[0], size[1]), stride)
        self._rows, self._columns = (
            np.pad(np.arange(length), (0, padded - length), mode="reflect")
            for length, padded in zip(size, self.shape, strict=True)
        )

    def read(self, window: Window) -> NDArray[np.float32]:
        rows, columns = self._rows[window.y0 : window.y1], self._columns[window.x0 : window.x1]
        top, left = int(rows.min()), int(columns.min())
        part = self._image.read(Window(top, left, int(rows.max()) + 1, int(columns.max()) + 1))
        if rows[-1] - rows[0] == len(rows) - 1 and columns[-1] - columns[0] == len(columns) - 1:
            return part  # nothing of it is mirrored
        return part[:, (rows - top)[:, None], columns - left]


def _tiles_for(network: Network, shape: tuple[int, ...], size: int) -> list[Tile]:
    whole = Window(0, 0, shape[0], shape[1])
    if max(shape) <= size:
        return [Tile(whole, whole)]
    reach = reach_of(network)
    if reach is not None:
        return plan_tiles((shape[0], shape[1]), network.stride, size, halo_of(reach, network.stride))
    # Whole while that is likely to fit: a rule on the size alone gives the same result on every computer.
    if max(shape) <= 2 * size:
        return [Tile(whole, whole)]
    return plan_blended((shape[0], shape[1]), network.stride, size)


def _batches(tiles: list[Tile], size: int) -> list[list[Tile]]:
    """Group tiles in order; only windows of the same shape can be stacked."""
    batches = []
    for _, same in groupby(tiles, key=lambda tile: tile.window.shape):
        members = list(same)
        batches += [members[start : start + size] for start in range(0, len(members), size)]
    return batches


@torch.inference_mode()
def _answer(
    network: Network, formulation: Formulation, images: Tensor, settings: PredictionConfig, device: torch.device
) -> Tensor:
    """Return the activated maps of a batch of windows, merged over flips if asked."""
    images = images.to(device, memory_format=torch.channels_last)
    flips = _FLIPS if settings.test_time_flips else _FLIPS[:1]
    exact = settings.precision == "float32"

    def look(axes: tuple[int, ...]) -> Tensor:
        # CUDA's default for convolutions, TF32, rounds to 11 bits: tiles would differ from the whole by 1e-3.
        with (
            torch.backends.cudnn.flags(enabled=True, allow_tf32=not exact),
            torch.autocast(device.type, _dtype(settings, device), enabled=not exact),
        ):
            raw = network(images.flip(axes) if axes else images)
        answer = formulation.activate(raw.float())
        return formulation.unflip_maps(answer, axes) if axes else answer

    return formulation.merge_looks(map(look, flips))


def _dtype(settings: PredictionConfig, device: torch.device) -> torch.dtype:
    # Processors compute 16-bit floats of the other kind only.
    return torch.float16 if settings.precision == "float16" and device.type != "cpu" else torch.bfloat16


def _keep(maps: MapStore, tile: Tile, answer: NDArray[np.float32]) -> None:
    core = tile.core.clip((maps.shape[1], maps.shape[2]))
    inner = core.shift(-tile.window.y0, -tile.window.x0)
    kept = answer[:, *inner.slices]
    if tile.shares is not None:
        rows, columns = (share[: kept.shape[axis]] for axis, share in enumerate(tile.shares, start=1))
        kept = maps.read(core) + kept * (rows[:, None] * columns)
    maps.write(core, kept)


def _clear(maps: MapStore) -> None:
    channels, height, width = maps.shape
    for y0 in range(0, height, _CLEARED_ROWS):
        band = Window(y0, 0, min(y0 + _CLEARED_ROWS, height), width)
        maps.write(band, np.zeros((channels, *band.shape), maps.dtype))
