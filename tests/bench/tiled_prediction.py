"""Tiled prediction against one look at the whole image: seconds, largest difference, memory; one JSON line a figure.

Run: ``python tests/bench/tiled_prediction.py [--device cuda] [--side 2048] [--width 16] [--depth 3]``
"""

import argparse
import resource
import time

import numpy as np
import torch
from bench_figure import exit_code, figure

from segstudio.config.prediction import PredictionConfig
from segstudio.engine.architectures.unet import UNet, UNetConfig
from segstudio.engine.formulations import formulations
from segstudio.engine.prediction.stitch_maps import predict_maps

TOLERANCE = 1e-5


def timed(network: torch.nn.Module, image: np.ndarray, device: str, **settings: object) -> tuple[np.ndarray, float]:
    """Return maps and seconds of the second of two runs."""
    config = PredictionConfig.model_validate(settings)
    joint = formulations.get("joint")()
    start = 0.0
    for _ in range(2):
        start = time.perf_counter()
        maps = predict_maps(network, joint, image, config, device)  # type: ignore[arg-type]
    return maps, time.perf_counter() - start


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=1300)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--depth", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    network = UNet(UNetConfig(width=options.width, depth=options.depth)).build(1, 5).to(options.device)
    network = network.to(memory_format=torch.channels_last)
    image = np.random.default_rng(0).normal(0.4, 0.4, (1, options.side, options.side)).astype(np.float32)
    whole, peer = timed(network, image, options.device, tile_size=8192)
    figure("predict.whole", peer, "s")
    for tile in (256, 512):
        maps, seconds = timed(network, image, options.device, tile_size=tile)
        figure(f"predict.tiled.{tile}", seconds, "s", peer=peer)
        figure(f"predict.tiled.{tile}.difference", float(np.abs(maps - whole).max()), "", target=TOLERANCE)
    maps, seconds = timed(network, image, options.device, precision="bfloat16", batch_size=4)
    figure("predict.tiled.512.bfloat16", seconds, "s", peer=peer)
    figure("predict.tiled.512.bfloat16.difference", float(np.abs(maps - whole).max()), "")
    if options.device == "cpu":
        figure("predict.memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
    else:
        figure("predict.gpu_memory", torch.cuda.max_memory_allocated() / 2**20, "MB")


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())
