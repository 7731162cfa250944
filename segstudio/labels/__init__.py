"""Floor 1: labels of one image: pixels, objects, edits, history, and what is derived from them.

Examples
--------
>>> import numpy as np
>>> from segstudio.labels import contours, measure, rotated_boxes
>>> labels = np.zeros((8, 14), np.int32)
>>> labels[2:6, 1:11] = 1
>>> len(contours(labels)[1])
1
>>> rotated_boxes(labels)[1].length
10.0
>>> measure(labels)["area_px"].tolist()
[40.0]
"""

from segstudio.labels.boxes import RotatedBox, rotated_boxes
from segstudio.labels.contours import contours
from segstudio.labels.measure import Measurements, measure

__all__ = ["Measurements", "RotatedBox", "contours", "measure", "rotated_boxes"]
