"""``segstudio evaluate``: compare predicted label images with the truth."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from segstudio.core.errors import BadInput
from segstudio.core.metrics import ImageScore, Score, evaluate, pooled
from segstudio.io.atomic import write_atomic
from segstudio.io.labels_import import read_labels
from segstudio.io.objects_file import SIZE_LIMIT, load_json, read_objects
from segstudio.labels.box_image import boxes_around, rotated_boxes_around
from segstudio.project.image_files import list_images

_Boxes = Literal["upright", "rotated"] | None
#: Endings that other programs add to the name of an image for its labels.
_ENDINGS = ("_labels", "_masks", "_mask", "_cp_masks")
_SHOWN = (0.5, 0.75, 0.8, 0.9)
#: Columns that compare areas, with the properties of `Pixels` that they show.
_BY_AREA = {"fg IoU": "foreground_iou", "mIoU": "mean_iou", "PA": "accuracy", "MPA": "mean_accuracy"}


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``evaluate`` to the commands."""
    parser = subparsers.add_parser(
        "evaluate",
        help="compare predicted label images with the truth",
        description="Compares label images of the same names in two folders: F1, precision, recall and AP at IoU 0.5 "
        "to 0.95, panoptic quality; and by area instead of objects: foreground IoU (fg IoU), mean IoU of objects and "
        "background (mIoU), pixel accuracy (PA) and mean pixel accuracy (MPA); for each image and over all. An image "
        "without a prediction counts as one in which nothing was found. Where a table of classes lies beside both "
        "label images, as SegStudio writes them, also how many of the found objects have the right class.",
    )
    parser.add_argument("predicted", metavar="PREDICTED_DIR", type=Path, help="folder of predicted label images")
    parser.add_argument("truth", metavar="TRUTH_DIR", type=Path, help="folder of true label images")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures to this file; - prints them")
    boxes = parser.add_mutually_exclusive_group()
    boxes.add_argument(
        "--boxes",
        action="store_const",
        const="upright",
        help="compare the upright boxes around objects instead of their outlines, as for results of the formulation "
        "detection, which are boxes",
    )
    boxes.add_argument(
        "--rotated-boxes",
        dest="boxes",
        action="store_const",
        const="rotated",
        help="compare the smallest rectangles at any angle around objects, as for results of detection with rotated "
        "boxes",
    )
    parser.add_argument("--quiet", action="store_true", help="print no table")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Print and write the scores; return the exit code."""
    scores = score_folders(namespace.predicted, namespace.truth, boxes=namespace.boxes)
    total = pooled(scores)
    if namespace.json is not None:
        figures = {"all": total.to_dict(), "images": {score.name: score.to_dict() for score in scores}}
        text = json.dumps(figures, indent=2)
        if str(namespace.json) == "-":
            print(text)  # noqa: T201
            return 0
        _write(namespace.json, text.encode())
    if not namespace.quiet:
        console = Console(width=200 if not sys.stdout.isatty() else None)
        console.print(_by_image(scores, total))
        console.print()
        console.print(_by_overlap(total))
        if (accuracy := total.named.accuracy) is not None:
            console.print(f"\nThe class is right for {total.named.right} of {total.named.compared} ({accuracy:.1%}).")
    return 0


def _write(path: Path, data: bytes) -> None:
    if path.is_char_device() or path.is_fifo():  # as /dev/stdout, or a pipe of the shell
        path.write_bytes(data)
    else:
        write_atomic(path, data)


def score_folders(predicted: Path, truth: Path, *, boxes: _Boxes = None) -> list[ImageScore]:
    """Return the score of each label image in `truth`; of the `boxes` around objects if asked.

    Raises
    ------
    BadInput
        A folder or file cannot be used, a prediction has another size, or no name is in both folders.
    """
    found = label_files(predicted)
    wanted = label_files(truth)
    if not set(found) & set(wanted):
        raise BadInput(
            f"No label image in {predicted} has the name of one in {truth}.",
            hint="Both folders must hold label images with the same names.",
            code="no-pairs",
            path=predicted,
        )
    if missing := sorted(set(wanted) - set(found)):
        names = ", ".join(missing[:3])
        print(f"{len(missing)} images have no prediction and count as empty: {names}", file=sys.stderr)  # noqa: T201
    scores = []
    for name, path in sorted(wanted.items()):
        true, _ = read_labels(path)
        labels = read_labels(found[name], expected_size=true.shape)[0] if name in found else np.zeros_like(true)
        classes = _classes_beside(path), _classes_beside(found.get(name))
        known = (classes[0], classes[1]) if classes[0] and classes[1] else None
        if boxes == "upright":
            true, labels = boxes_around(true), boxes_around(labels)
        elif boxes == "rotated":
            true, labels = rotated_boxes_around(true), rotated_boxes_around(labels)
        scores.append(evaluate(true, labels, name=name, classes=known))
    return scores


def _classes_beside(labels: Path | None) -> dict[int, int]:
    """Return the class of each object as the table beside a label image says it, of a project or of a prediction.

    Other programs' files of that name are passed over with a note: only the classes are then not compared.
    """
    table = labels.with_suffix(".json") if labels is not None else None
    if table is None or not table.is_file():
        return {}
    try:
        objects = load_json(table, SIZE_LIMIT).get("objects")
        if isinstance(objects, list):
            return {number: info.class_id for number, info in read_objects(table)[0].items()}
        return {int(number): int(row["class_id"]) for number, row in (objects or {}).items()}
    except (BadInput, ValueError, KeyError, TypeError, AttributeError):
        print(f"{table} is no table of objects; its classes are not compared.", file=sys.stderr)  # noqa: T201
        return {}


def label_files(folder: Path) -> dict[str, Path]:
    """Return the label images in `folder` by name, without what programs add to it.

    Of files with one name, as ``a.png`` and ``a_masks.png``, the labels are those whose name says so.

    Raises
    ------
    BadInput
        There is no label image, or two files could be the labels of one image.
    """
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.", hint="Check the name.", code="missing", path=folder)
    files = list_images(folder)
    if not files:
        raise BadInput(f"The folder {folder} holds no label image.", hint="Check the name.", code="empty", path=folder)
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: _name(file) != file.stem):  # those without an ending first
        name = _name(file)
        other = found.get(name)
        if other is not None and (_name(other) != other.stem) == (name != file.stem):
            raise BadInput(
                f"Both {other.name} and {file.name} in {folder} could be the labels of {name}.",
                hint="Take one of them out of the folder.",
                code="same-name",
                path=file,
            )
        found[name] = file
    return found


def _name(file: Path) -> str:
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        if file.stem.endswith(ending):
            return file.stem.removesuffix(ending)
    return file.stem


def _by_image(scores: Sequence[ImageScore], total: Score) -> Table:
    table = Table(box=None)
    table.add_column("image")
    objects_by = ("objects", "found", "F1", "precision", "recall", *(f"AP@{t}" for t in _SHOWN), "PQ")
    for title in (*objects_by, *_BY_AREA):
        table.add_column(title, justify="right")
    for score in scores:
        table.add_row(score.name, str(score.truth_objects), str(score.predicted_objects), *_figures(score))
    objects, found = sum(s.truth_objects for s in scores), sum(s.predicted_objects for s in scores)
    table.add_row("all", str(objects), str(found), *_figures(total), style="bold")
    return table


def _by_overlap(total: Score) -> Table:
    table = Table(box=None)
    table.add_column("all, at IoU")
    for title in (*(f"{item.threshold:.2f}" for item in total.counts), "mean"):
        table.add_column(title, justify="right")
    for title, figure in (("F1", "f1"), ("precision", "precision"), ("recall", "recall"), ("AP", "ap"), ("PQ", "pq")):
        values = [float(getattr(item, figure)) for item in total.counts]
        table.add_row(title, *(f"{value:.3f}" for value in (*values, sum(values) / len(values))))
    return table


def _figures(score: ImageScore | Score) -> list[str]:
    low = score.at(0.5)
    by_area = (getattr(score.pixels, name) for name in _BY_AREA.values())
    values = (low.f1, low.precision, low.recall, *(score.at(t).ap for t in _SHOWN), low.pq, *by_area)
    return [f"{value:.3f}" for value in values]
