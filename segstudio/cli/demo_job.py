"""The whole job on a project without a window: train, predict, evaluate, export, one picture."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from segstudio.core.errors import JobFailed, WrongUsage
from segstudio.io.atomic import copy_atomic, make_folders, write_atomic
from segstudio.io.labels_import import read_labels
from segstudio.io.sources import open_image
from segstudio.labels.contours import contours
from segstudio.project.project import Project

#: Okabe and Ito's orange and sky blue, as BGR: what the program found, what a person drew.
_FOUND, _DRAWN = (0, 159, 230), (233, 180, 86)
_ZOOM = 3


def whole_job(folder: Path, minutes: float) -> Path:
    """Train, predict, evaluate and export with the commands a user would type; return the result picture.

    Parameters
    ----------
    folder
        A project with labelled images, of which at least one is for validation.
    minutes
        How long to train.

    Raises
    ------
    JobFailed
        One of the commands failed; it has said why.
    """
    with Project.open(folder, read_only=True) as project:
        checked = [entry for entry in project.images if entry.split == "val" and entry.objects]
        images = [project.image_path(entry.id) for entry in checked]
        drawn = [project.label_path(entry.id) for entry in checked]
        run_folder = _free_folder(project.runs_folder / "demo")
    if not checked:
        raise WrongUsage(
            f"No labelled image of {folder.name} is for validation, so nothing can be evaluated.",
            hint="Choose one in the window, or run segstudio demo --no-window without --again.",
            code="no-validation",
        )
    result = _free_folder(folder / "demo")
    predicted, truth = result / "predicted", result / "truth"
    make_folders(truth)
    for image, labels in zip(images, drawn, strict=True):
        copy_atomic(labels, truth / f"{image.stem}.tif")
    _command("train", folder, "--out", run_folder, "--training.max_minutes", f"{minutes:g}")
    _command("predict", run_folder / "model", *images, "--out", predicted)
    _command("evaluate", predicted, truth, "--json", result / "scores.json")
    _command("export", folder, "--format", "coco", "--out", result / "coco")
    _command("export", folder, "--format", "measurements", "--out", result / "measurements")
    picture = result / "result.png"
    tiles = [_compare(image, predicted / f"{image.stem}.tif", truth / f"{image.stem}.tif") for image in images]
    write_atomic(picture, _png(_beside(tiles)))
    return picture


def _command(*words: object) -> None:
    arguments = [str(word) for word in words]
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n$ {_quoted(['segstudio', *arguments])}", style="bold", markup=False)
    console.file.flush()
    done = subprocess.run([sys.executable, "-m", "segstudio", *arguments], check=False)
    if done.returncode != 0:
        raise JobFailed(
            f"The demo stopped, for the command segstudio {arguments[0]} ended with code {done.returncode}.",
            hint="Its message above says why; segstudio doctor checks this computer.",
            code="demo-failed",
        )


def _quoted(words: Sequence[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _free_folder(folder: Path) -> Path:
    path, number = folder, 1
    while path.exists():
        number += 1
        path = folder.with_name(f"{folder.name}-{number}")
    return path


def _compare(image: Path, predicted: Path, truth: Path) -> NDArray[np.uint8]:
    """Return the image enlarged, BGR, with what was found in orange over what was drawn in blue."""
    source = open_image(image)
    pixels = source.read().astype(np.float64)
    source.close()
    low, high = np.percentile(pixels, (1.0, 99.8))
    gray = np.clip((pixels - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
    plane = gray if gray.ndim == 3 else np.repeat(gray[..., None], 3, axis=2)
    canvas = np.ascontiguousarray(plane.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1))
    for path, colour, width in ((truth, _DRAWN, 2), (predicted, _FOUND, 1)):
        labels, _ = read_labels(path)
        for rings in contours(labels).values():
            points = [np.rint(ring * _ZOOM).astype(np.int32) for ring in rings]
            cv2.polylines(canvas, points, True, colour, width, cv2.LINE_AA)
    return canvas


def _beside(tiles: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height = max(tile.shape[0] for tile in tiles)
    return np.hstack([np.pad(tile, ((0, height - tile.shape[0]), (0, 8), (0, 0))) for tile in tiles])


def _png(picture: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise JobFailed("The result picture could not be encoded as PNG.")
    return bytes(data)
