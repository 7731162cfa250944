"""Peak memory of `segstudio predict` by the size of the image: MB for each side, bytes for each further pixel.

Run: ``python tests/bench/predict_memory.py [--sides 3000 4500]``. Each size is predicted in a process of its own.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench_figure import exit_code, figure

#: Memory may grow with the labels that are compressed, not with pixels and maps (about 100 bytes a pixel once).
BYTES_PER_PIXEL = 4.0


def model_of_some_steps(folder: Path) -> Path:
    """Save a small model that finds synthetic cells."""
    import torch
    from factories import cells

    from segstudio.engine.architectures import architectures
    from segstudio.engine.data.normalise import normalise
    from segstudio.engine.formulations import formulations
    from segstudio.engine.model_card import ModelCard, save_model
    from segstudio.jobs.spec import Choice, ClassSpec

    torch.manual_seed(0)
    joint, kind = formulations.get("joint")(), architectures.get("unet")
    settings = {"width": 8, "depth": 2}
    net = kind(kind.Config.model_validate(settings)).build(1, joint.out_channels).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for step in range(60):
        made = cells((64, 64), 8, step % 4)
        targets = {key: torch.from_numpy(value)[None] for key, value in joint.encode(made.labels).items()}
        loss = torch.stack(list(joint.loss(net(torch.from_numpy(normalise(made.image))[None]), targets).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    card = ModelCard(
        name="bench",
        created="2026-11-21T00:00:00",
        formulation=Choice(name="joint"),
        architecture=Choice(name="unet", settings=settings),
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="cell"),),
        decode={"decoder": "distance"},
    )
    save_model(folder, card, net.state_dict())
    return folder


def predict_one(model: Path, folder: Path, side: int) -> None:
    """Predict a mosaic of `side` x `side` pixels in this process and print its peak memory, in kB."""
    import tifffile
    from factories import cells

    from segstudio.engine.prediction.predict import predict
    from segstudio.jobs.spec import PredictImage, PredictJob

    piece = cells((500, 500), 270, 50).image
    times = -(-side // 500)
    path = folder / f"mosaic{side}.tif"

    def tiles():  # noqa: ANN202 - an iterator of arrays
        wide = np.tile(piece, (1, times + 1))[:, : side + 512]
        for y in range(0, side, 512):
            rows = wide[np.arange(y, y + 512) % 500]
            for x in range(0, side, 512):
                yield np.ascontiguousarray(rows[:, x : x + 512])

    shape = (side, side)
    tifffile.imwrite(path, tiles(), shape=shape, dtype=piece.dtype, tile=(512, 512), photometric="minisblack")
    image = PredictImage(image_id="m", image=path, output=folder / f"out{side}.tif")
    for _ in predict(PredictJob(job_id="1", model=model, images=(image,), device="cpu")):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sides", type=int, nargs="+", default=[1500, 3000, 4500, 6200, 9000])
    parser.add_argument("--one", nargs=3, metavar=("MODEL", "FOLDER", "SIDE"))
    options = parser.parse_args()
    if options.one:
        predict_one(Path(options.one[0]), Path(options.one[1]), int(options.one[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        model = model_of_some_steps(Path(name) / "model")
        peaks = []
        for side in options.sides:
            words = [sys.executable, __file__, "--one", str(model), name, str(side)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            peaks.append(int(done.stdout.split()[-1]) * 1024)
            figure(f"predict.memory.{side}", peaks[-1] / 2**20, "MB")
    (small, large), (least, most) = (options.sides[-2], options.sides[-1]), (peaks[-2], peaks[-1])
    growth = (most - least) / (large**2 - small**2)
    figure("predict.memory.growth", growth, "bytes/pixel", target=BYTES_PER_PIXEL)


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())
