"""The files of a prediction: label image, classes and scores, and what a person decided about each object."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import place_words
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.atomic import write_atomic
from segstudio.io.labels_file import read_label_tiff
from segstudio.io.objects_file import SIZE_LIMIT, load_json
from segstudio.labels.label_map import LabelMap

if TYPE_CHECKING:
    from segstudio.project.project import ImageEntry, Project

#: A proposal counts as the same object as one decoded before when they share more than this of the smaller one:
#: thresholds shrink and grow objects.
SAME = 0.5
#: What is raised where a file of the right form holds something else than numbers.
_WRONG: Final = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True)
class Prediction:
    """What one model found in one image, or in one plane of a stack.

    Attributes
    ----------
    image_id
        As `ImageEntry.plane_id` gives it.
    labels
        Label TIFF; classes and scores stand in the JSON file beside it.
    run
        Name of the run's folder.
    model
        Folder of the model.
    maps
        What the network said, kept for decoding with other settings.
    """

    image_id: str
    run: str
    model: Path
    labels: Path
    maps: Path

    @property
    def table(self) -> Path:
        """JSON with classes and scores."""
        return self.labels.with_suffix(".json")

    @property
    def review_file(self) -> Path:
        """JSON with the decisions."""
        return self.labels.with_suffix(".review.json")

    @property
    def exists(self) -> bool:
        """Whether the prediction was made."""
        return self.labels.is_file()


def prediction_at(project: "Project", run: str, entry: "ImageEntry", plane: int = 0) -> Prediction:
    """Return where the prediction of one image, or one plane, by the model of one run lies, made or not."""
    folder, name = project.predictions_folder / run, entry.plane_id(plane)
    return Prediction(
        name,
        run,
        project.runs_folder / run / "model",
        folder / f"{name}.tif",
        folder / f"{name}.maps.npy",
    )


def made_name(entry: "ImageEntry", plane: int = 0, *, alone: bool) -> str:
    """Return the name of the file with the image that a model makes of another.

    People look for it under the name of their image; nobody but the program looks for labels.

    Parameters
    ----------
    alone
        Whether no other image of the project has the same name; the id tells those that have it apart.
    """
    stem = f"{Path(entry.name).stem}{place_words(entry.axes, entry.sizes, plane)}"
    return f"{stem}.tif" if alone else f"{stem}-{entry.id}.tif"


@dataclass(frozen=True)
class Proposal:
    """One predicted object; `score` is how sure the model is, 0..1."""

    id: int
    class_id: int
    score: float


@dataclass
class Decisions:
    """What a person decided: rejected proposals, and the objects that accepted ones became."""

    rejected: set[int] = field(default_factory=set)
    accepted: dict[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Decisions":
        """Read the decisions; none when there is no file."""
        if not path.exists():
            return cls()
        try:
            content = load_json(path, SIZE_LIMIT)
            accepted = {int(key): int(value) for key, value in content["accepted"].items()}
            return cls({int(item) for item in content["rejected"]}, accepted)
        except (BadInput, *_WRONG) as error:
            raise BadInput(
                f"The file {path.name} with the decisions about proposals is damaged.",
                hint="Delete it and predict the image again; your labels are not affected.",
                code="review-damaged",
                path=path,
            ) from error

    def to_json(self) -> bytes:
        """Return the content of the file."""
        accepted = {str(key): value for key, value in sorted(self.accepted.items())}
        content = {"schema_version": 1, "rejected": sorted(self.rejected), "accepted": accepted}
        return json.dumps(content, indent=1).encode()

    def write(self, path: Path) -> None:
        """Keep the decisions."""
        write_atomic(path, self.to_json())

    def carried(self, before: LabelMap, now: LabelMap) -> "Decisions":
        """Return the decisions for proposals decoded anew: the same object keeps its decision."""
        same = same_objects(before, now)
        rejected = {new for new, old in same.items() if old in self.rejected}
        return Decisions(rejected, {new: self.accepted[old] for new, old in same.items() if old in self.accepted})


def read_prediction(prediction: Prediction, shape: tuple[int, int]) -> tuple[LabelMap, dict[int, Proposal]]:
    """Read label image and table of a prediction.

    Raises
    ------
    BadInput
        A file is missing or damaged, or the prediction has another size than the image.
    """
    labels = read_label_tiff(prediction.labels, np.int32, shape)
    try:
        rows = load_json(prediction.table, SIZE_LIMIT)["objects"] if prediction.table.exists() else {}
        return labels, {value: _proposal(value, rows.get(str(value), {})) for value in labels.values()}
    except (BadInput, *_WRONG) as error:
        raise BadInput(
            f"The file {prediction.table.name} with the scores of a prediction is damaged.",
            hint="Predict the image again.",
            code="prediction-damaged",
            path=prediction.table,
        ) from error


def _proposal(value: int, row: Mapping[str, Any]) -> Proposal:
    score = float(row.get("score", 1.0))
    if not math.isfinite(score):
        raise ValueError(f"a score of {score}")
    return Proposal(value, int(row.get("class_id", 1)), score)


def same_objects(before: LabelMap, now: LabelMap) -> dict[int, int]:
    """Return for each object of `now` the one of `before` that it is, if any (see `SAME`)."""
    shared: dict[tuple[int, int], int] = {}
    for key in now.keys():  # noqa: SIM118 - not a mapping
        new, old = now.tile(key), before.tile(key)
        if new is not None and old is not None:
            _count(shared, new, old)
    sizes_now, sizes_before = _sizes(now), _sizes(before)
    same = {}
    for (new_id, old_id), both in shared.items():
        if both > SAME * min(sizes_now[new_id], sizes_before[old_id]):
            same[new_id] = old_id
    return same


def bounds(labels: LabelMap, value: int) -> Window:
    """Return the window around an object; empty when it has no pixel."""
    return labels.window_of(value) or Window(0, 0, 0, 0)


def _count(shared: dict[tuple[int, int], int], new: NDArray[np.int32], old: NDArray[np.int32]) -> None:
    both = (new > 0) & (old > 0)
    pairs, counts = np.unique(np.stack([new[both], old[both]]), axis=1, return_counts=True)
    for (new_id, old_id), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        shared[new_id, old_id] = shared.get((new_id, old_id), 0) + count


def _sizes(labels: LabelMap) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for key in labels.keys():  # noqa: SIM118 - not a mapping
        tile = labels.tile(key)
        if tile is None:
            continue
        values, counts = np.unique(tile, return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            sizes[value] = sizes.get(value, 0) + count
    return sizes
