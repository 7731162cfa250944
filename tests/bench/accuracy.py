"""How good a model becomes in ten minutes from 60 images with the defaults, on real nuclei: JSON lines.

Run with ``python tests/bench/accuracy.py [--minutes 10] [--device auto]``; needs the folder of test images
(``SEGSTUDIO_DATA``). It does what a user would type: train, predict, evaluate. The validation images choose the best
epoch and the decoder; ``unseen`` are training images after the first 60, which neither training nor choice has seen.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_figure import exit_code, figure

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 60


def segstudio(*words: str) -> None:
    """Run a command of the program."""
    subprocess.run([sys.executable, "-m", "segstudio", *words, "--quiet"], check=True)


def links(source: Path, target: Path) -> Path:
    """Link the training images that come after the first ones, and their masks."""
    for path in sorted((source / "images").iterdir())[IMAGES:]:
        for kind, name in (("images", path.name), ("masks", f"{path.stem}.tif")):
            (target / kind).mkdir(parents=True, exist_ok=True)
            (target / kind / name).symlink_to(source / kind / name)
    return target


def score(model: Path, data: Path, out: Path) -> tuple[float, float]:
    """Return F1 at IoU 0.5 and AP at IoU 0.8 of the predictions of `model`."""
    segstudio("predict", str(model), str(data / "images"), "--out", str(out))
    report = out / "report.json"
    command = [sys.executable, "-m", "segstudio", "evaluate", str(out), str(data / "masks"), "--json", str(report)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(report.read_text())["all"]
    return figures["f1"]["0.50"], figures["ap"]["0.80"]


def main() -> None:
    """Train, predict, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--device", default="auto")
    wishes = parser.parse_args()
    data = Path(os.environ.get("SEGSTUDIO_DATA", ROOT.parent / "shared" / "data")).resolve() / "nuclei"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = folder / "run"
        limits = ["--data.limit", str(IMAGES), "--training.max_minutes", str(wishes.minutes)]
        segstudio("train", str(data), "--out", str(run), "--device", wishes.device, *limits)
        for line in (run / "events.jsonl").read_text().splitlines():
            message = json.loads(line)
            if message["kind"] == "metric" and "val_f1" in message["values"]:
                values = {key: message["values"][key] for key in ("train_loss", "val_loss", "val_ap")}
                figure(f"accuracy.epoch_{message['epoch']:g}", message["values"]["val_f1"], "F1", **values)
        f1, ap = score(run, data / "val", folder / "validation")
        figure("accuracy.validation.f1_at_0.5", f1, "", target=0.88, higher_is_better=True)
        figure("accuracy.validation.ap_at_0.8", ap, "", target=0.45, higher_is_better=True)
        f1, ap = score(run, links(data / "train", folder / "unseen"), folder / "predicted")
        figure("accuracy.unseen.f1_at_0.5", f1, "")
        figure("accuracy.unseen.ap_at_0.8", ap, "")


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())
