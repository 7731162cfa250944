"""Cellpose's own file is a pickle: its masks are taken, and nothing of it is run."""

import os
import pickle  # noqa: TID251 - to make what is to be refused
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segstudio.core.errors import BadInput
from segstudio.io.labels_import import read_labels
from segstudio.project.manifest import ImageEntry
from segstudio.project.mask_import import read_mask


def seg(folder: Path, content: Any, name: str = "cells_seg.npy") -> Path:
    path = folder / name
    np.save(path, content, allow_pickle=True)
    return path


def masks() -> np.ndarray[Any, Any]:
    found = np.zeros((40, 50), np.uint16)
    found[2:9, 3:8], found[20:30, 20:44] = 1, 2
    return found


def cellpose(**more: Any) -> dict[str, Any]:
    """Return what Cellpose 3 and 4 write."""
    return {
        "outlines": masks(),
        "colors": np.full((2, 3), 7, np.uint8),
        "masks": masks(),
        "chan_choose": [0, 0],
        "ismanual": np.zeros(2, bool),
        "filename": Path("/data/cells.tif"),
        "flows": [np.zeros((40, 50, 3), np.uint8), [np.float32(2)], None],
        "diameter": np.float64(17.5),
        "model_path": 0,
        **more,
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_its_masks_are_read(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "cells_seg.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(np.array(cellpose(), dtype=object), file, protocol=protocol)
    labels, warnings = read_labels(path, (40, 50))
    assert np.array_equal(labels, masks())
    assert not warnings


def test_it_is_imported_like_any_mask(tmp_path: Path) -> None:
    entry = ImageEntry(id="a", path="a.tif", name="a.tif", stem="a", height=40, width=50)
    edit, _ = read_mask(seg(tmp_path, cellpose()), entry, complete=True)
    assert sorted(edit.objects) == [1, 2]


def test_the_size_is_compared_and_the_file_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cells_seg.npy has 40 × 50 pixels, its image has 41 × 50"):
        read_labels(seg(tmp_path, cellpose()), (41, 50))


class Call:
    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.args


@pytest.mark.parametrize(
    ("function", "named"),
    [(os.system, "system"), (eval, "eval"), (subprocess.Popen, "Popen"), (getattr, "getattr"), (open, "open"),
     (__import__, "import__"), (np.load, "load"), (np.fromfile, "fromfile")],
)  # fmt: skip
def test_any_other_function_is_refused_by_name(function: Any, named: str, tmp_path: Path) -> None:
    planted = tmp_path / "PWNED"
    path = seg(tmp_path, cellpose(more=Call(function, f"touch {planted}")))
    with pytest.raises(BadInput, match="which could run code, and is not opened") as caught:
        read_labels(path)
    assert named in caught.value.message
    assert caught.value.hint
    assert not planted.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"outlines": masks()}, "no masks of Cellpose"),
        ({"masks": "none"}, "no image of whole numbers"),
        ({"masks": np.zeros((4, 4), np.float32)}, "no image of whole numbers"),
        ([1, 2], "no masks of Cellpose"),
    ],
)
def test_without_masks_it_says_so(content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=said):
        read_labels(seg(tmp_path, np.array(content, dtype=object) if isinstance(content, list) else content))


def test_a_stack_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="stack of 5 masks"):
        read_labels(seg(tmp_path, cellpose(masks=np.zeros((5, 40, 50), np.uint16))))


def test_one_that_breaks_off_says_so(tmp_path: Path) -> None:
    path = seg(tmp_path, cellpose())
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadInput, match="broken or ends early"):
        read_labels(path)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by the system there only")
def test_one_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    path = seg(tmp_path, cellpose(more=Call(bytearray, 60_000_000_000)))
    with pytest.raises(BadInput, match="more memory"):
        read_labels(path)
