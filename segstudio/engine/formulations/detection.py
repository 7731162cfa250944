"""Boxes around objects, without their outlines: enough to count them and to know where they are."""

from typing import TYPE_CHECKING, ClassVar, Literal

import fastremap
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.components import drop_small
from segstudio.engine.decoding.detections import Boxed, group_by_box
from segstudio.engine.decoding.evidence import Evidence, tally
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.detector import Detector, DetectorConfig, bounding_boxes
from segstudio.labels.box_image import boxes_around, paint_boxes, paint_rotated_boxes, rotated_boxes_around
from segstudio.labels.boxes import box_columns
from segstudio.labels.contours import trace

if TYPE_CHECKING:
    from segstudio.engine.detectors.network import Plan

#: Share of a box, or of each side of the box around a rotated one, that no surer one may hide.
_LEAST_IN_SIGHT = 0.25


class DetectionConfig(DetectorConfig):
    """Boxes."""

    detector: Literal["faster_rcnn", "retinanet", "fcos"] = param("faster_rcnn", title="Detector")
    """Faster R-CNN looks at each candidate a second time and is the surest; RetinaNet and FCOS look once and are
    faster. FCOS needs no sizes of objects, but misses those of less than 4 pixels."""
    boxes: Literal["upright", "rotated"] = param("upright", title="Boxes")
    """Upright boxes, or the smallest rectangle at any angle around each object, which tells how long, how wide and how
    turned it is: for rods and other long objects."""


class DetectionDecodeConfig(DecodeSettings):
    """Boxes."""

    threshold: float = param(0.5, title="Threshold", ge=0.05, le=0.98)
    """How sure the network must be that there is an object. Lower finds more, higher finds less."""
    min_size: int = param(15, title="Smallest box", unit="px", ge=0, le=1_000_000)
    """Boxes of fewer pixels are dropped."""


@formulations.register("detection")
class Detection(Detector):
    """Faster R-CNN (Ren et al. 2015), RetinaNet (Lin et al. 2017) or FCOS (Tian et al. 2019) of torchvision."""

    title = "Boxes around objects"
    description = (
        "Finds where objects are and of which class, as boxes without outlines: upright, or turned as the objects are "
        "(Advanced › Boxes). For counting and for rods; wants more images and a graphics card."
    )
    Config: ClassVar[type[Settings]] = DetectionConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = DetectionDecodeConfig
    result: ClassVar[Literal["objects", "boxes"]] = "boxes"
    config: DetectionConfig

    @property
    def _rotated(self) -> bool:
        return self.config.boxes == "rotated"

    def plan(self) -> "Plan":
        """Return what is to be built."""
        from segstudio.engine.detectors.network import Plan

        config = self.config
        return Plan(
            config.detector, config.backbone, config.width, config.smallest, config.largest, rotated=self._rotated
        )

    def best_answer(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the boxes around the objects of `labels`."""
        return rotated_boxes_around(labels) if self._rotated else boxes_around(labels)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the boxes to which pixels point, and fill them; see `paint_boxes` for those that overlap.

        A rotated box is the one around the pixels that point to an object's upright box, which are its own; others in
        it are so where they point to no other.
        """
        found = group_by_box(maps, config.threshold)
        if self._rotated:
            found = _kept(found, _spanned(found))
            whole = paint_rotated_boxes(box_columns(trace(found.labels)), maps.shape[1:])
            painted = np.where(found.labels > 0, found.labels, whole)
        else:
            found = _kept(found, _shown(found))
            painted = paint_boxes(found.boxes, maps.shape[1:])
        kept = fastremap.renumber(drop_small(painted, config.min_size), preserve_zero=True)[0]
        labels = kept.astype(np.int32, copy=False)
        votes = self._head.votes(np.where(found.labels == painted, maps, 0))
        classes, _ = self.judge(tally(painted, Evidence((), votes=votes), len(found.boxes)))
        numbers = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
        numbers[labels] = painted
        old = {number: int(numbers[number]) for number in range(1, len(numbers))}
        scores = {number: float(found.scores[before - 1]) for number, before in old.items()}
        return Decoded(labels, {number: classes[before] for number, before in old.items()}, scores)

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a detector that finds each object's exact box."""
        filled = self.best_answer(targets["instances"][0].astype(np.int32))
        classes = {}
        if "class" in targets:
            table = np.zeros(int(filled.max(initial=0)) + 1, np.float32)
            np.maximum.at(table, targets["instances"][0].astype(np.int64), targets["class"][0])
            classes = {"class": table[filled][None]}
        maps = super().perfect_maps({**targets, "instances": filled.astype(np.float32)[None], **classes})
        # The boxes themselves, not what of them overlapping ones leave in sight.
        boxes = bounding_boxes(targets["instances"][0].astype(np.int64))[filled]
        rows, columns = np.indices(filled.shape) + 0.5
        y0, x0, y1, x1 = boxes.transpose(2, 0, 1)
        exact = np.stack([(y0 + y1) / 2 - rows, (x0 + x1) / 2 - columns, y1 - y0, x1 - x0])
        maps[:4] = np.where(filled > 0, exact, 0)
        return maps


def _shown(found: Boxed) -> NDArray[np.bool_]:
    """Return of each box whether enough pixels point to it."""
    corners = found.boxes.reshape(-1, 2, 2).clip(0, found.labels.shape)
    area = (corners[:, 1] - corners[:, 0]).prod(axis=1)
    seen = np.bincount(found.labels.ravel(), minlength=len(area) + 1)[1:]
    return np.asarray(seen >= _LEAST_IN_SIGHT * area)


def _spanned(found: Boxed) -> NDArray[np.bool_]:
    """Return of each box whether the pixels that point to it lie along enough of it; thin objects fill little of it."""
    corners = found.boxes.reshape(-1, 2, 2).clip(0, found.labels.shape)
    parts = ndimage.find_objects(found.labels, len(corners))
    seen = np.array([[part.stop - part.start for part in parts_of] for parts_of in parts]).reshape(-1, 2)
    return np.asarray((seen >= _LEAST_IN_SIGHT * (corners[:, 1] - corners[:, 0])).all(axis=1))


def _kept(found: Boxed, kept: NDArray[np.bool_]) -> Boxed:
    """Return `found` without the others: where looks at a mirrored image differ, some agree on a box of their own."""
    numbers = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.int32)
    return Boxed(numbers[found.labels], found.boxes[kept], found.scores[kept])
