"""Training with the real data path against the bare network on random data: patches a second, one JSON line a figure.

Blocks of both take turns, so that other work on the machine slows them alike; the ratio is the median over the blocks:
of the time on a graphics card, of the processor's work on a processor, which both share.

Run: ``python tests/bench/patches.py [--device cuda] [--patch 128] [--batch 8] [--blocks 8] [--steps 4]``
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from bench_figure import exit_code, figure
from factories import cells

from segstudio.config.augmentation import AugmentationConfig
from segstudio.config.run import RunConfig
from segstudio.config.training import TrainingConfig
from segstudio.engine.architectures import architectures
from segstudio.engine.data.crops import Batch, CropSampler, CropSettings
from segstudio.engine.data.dataset import LabelledPart, TargetStore, training_image
from segstudio.engine.data.prefetch import Prefetch, patch_threads
from segstudio.engine.formulations import formulations
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.spec import SampleRecord

_IMAGES, _SIDE, _OBJECTS, _DIAMETER = 8, 320, 120, 20.0
_RATIO = 0.9
_WARM_UP = 3
SETTINGS = {
    "default": AugmentationConfig(),
    "shapes": AugmentationConfig(scale=0.3, rotation=180, elastic=4),
    "shapes-always": AugmentationConfig(scale=0.3, rotation=180, elastic=4, shape_share=1),
    "everything": AugmentationConfig(
        scale=0.3,
        rotation=180,
        elastic=4,
        copy_paste=0.5,
        mosaic=0.3,
        cut_out=0.5,
        blur=2,
        defocus=2,
    ),
}


def sampler(augmentation: AugmentationConfig, patch: int, folder: Path) -> CropSampler:
    """Return patches of synthetic cells, as a training draws them."""
    joint, config = formulations.get("joint")(), RunConfig(augmentation=augmentation)
    store = TargetStore(folder, 2**31)
    images = []
    for number in range(_IMAGES):
        made = cells((_SIDE, _SIDE), _OBJECTS, seed=number, diameter=_DIAMETER, dtype="float32")
        sample = SampleRecord(image_id=str(number), image=Path(str(number)))
        images.append(training_image(LabelledPart(sample, made.image[None], made.labels), joint, patch, store, config))
    settings = CropSettings(patch, 0.9, 0, augmentation, joint.turn_targets, joint.encode, round(_DIAMETER))
    return CropSampler(images, settings)


def cost(step: Callable[[int], object], start: int, steps: int, device: str) -> tuple[float, float]:
    """Return how many seconds `steps` steps take, and how many of the processor's, on all its cores."""
    begin, work = time.perf_counter(), time.process_time()
    for number in range(start, start + steps):
        step(number)
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - begin, time.process_time() - work


def measure(name: str, options: argparse.Namespace, stepper: Stepper, folder: Path) -> None:
    """Print the figures of one setting."""
    source = sampler(SETTINGS[name], options.patch, folder)
    made = source.batch(0, options.batch)
    random = Batch(np.random.default_rng(0).random(made.image.shape, np.float32), made.targets)
    prefetch = Prefetch(source.batch, patch_threads(options.device))
    bare, real = [], []
    try:
        prefetch.batch(0, options.batch)  # the first ones ahead are drawn beside the first bare block
        for block in range(options.blocks):
            start = 1 + block * options.steps
            shape = (start, options.steps, options.device)
            bare.append(cost(lambda _n: stepper.step(random, 1e-4), *shape))
            real.append(cost(lambda n: stepper.step(prefetch.batch(n, options.batch), 1e-4), *shape))
    finally:
        prefetch.close()
    patches = options.steps * options.batch
    # On a processor patches and network share the cores: what counts is the work, which others do not slow.
    kind = 1 if options.device == "cpu" else 0
    ratio = statistics.median(before[kind] / after[kind] for before, after in zip(bare, real, strict=True))
    figure(f"patches.{name}.bare", patches / statistics.median(wall for wall, _ in bare), "patches/s")
    figure(
        f"patches.{name}", patches / statistics.median(wall for wall, _ in real), "patches/s", load=os.getloadavg()[0]
    )
    figure(f"patches.{name}.ratio", ratio, "", target=_RATIO, higher_is_better=True)
    begin = time.thread_time()
    for number in range(4):
        source.batch(number, options.batch)
    figure(f"patches.{name}.drawn", 4 * options.batch / (time.thread_time() - begin), "patches/s a thread")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--only", choices=list(SETTINGS))
    options = parser.parse_args()
    joint = formulations.get("joint")()
    network = architectures.get("unet")().build(1, joint.out_channels)
    stepper = Stepper(network, joint, TrainingConfig(batch_size=options.batch), torch.device(options.device))
    with tempfile.TemporaryDirectory() as folder:
        warm = sampler(AugmentationConfig(), options.patch, Path(folder)).batch(0, options.batch)
        for _ in range(_WARM_UP):
            stepper.step(warm, 1e-4)
        for name in [options.only] if options.only else SETTINGS:
            measure(name, options, stepper, Path(folder))


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())
