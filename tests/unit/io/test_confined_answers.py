"""What the confined processes answer, asked here: the processes themselves are tested by what becomes of them."""

import json
import pickle  # noqa: TID251 - files as Cellpose writes them
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from segstudio.io import first_look, python_objects
from segstudio.io.first_look import FirstLook


@pytest.fixture(autouse=True)
def no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_look, "limit_time", lambda seconds: None)
    monkeypatch.setattr(python_objects, "limit_time", lambda seconds: None)


@pytest.fixture
def look() -> Iterator[FirstLook]:
    found = FirstLook()
    yield found
    found.close()


def _ask(look: FirstLook, path: Path, window: tuple[int, ...] | None = None, **more: Any) -> dict[str, Any]:
    question = {"path": str(path), "indices": False, "state": [1], "window": window, "plane": 0, "level": 0, **more}
    answer: dict[str, Any] = json.loads(look.answer(json.dumps(question).encode()))
    return answer


def test_a_png_is_decoded_as_a_whole_with_its_first_part(look: FirstLook, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((600, 600), np.uint8)).save(tmp_path / "a.png")
    assert _ask(look, tmp_path / "a.png") == {"whole": False}
    assert _ask(look, tmp_path / "a.png", (0, 0, 9, 9)) == {"whole": True}


def test_a_jpeg_is_decoded_when_it_is_opened(look: FirstLook, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((60, 60), np.uint8)).save(tmp_path / "a.jpg")
    assert _ask(look, tmp_path / "a.jpg") == {"whole": True}


def test_a_tiff_is_decoded_in_parts(look: FirstLook, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((600, 600), np.uint8), tile=(256, 256), compression="zlib")
    assert _ask(look, tmp_path / "a.tif", (0, 0, 512, 512)) == {"whole": False}


def test_a_file_that_was_exchanged_is_opened_anew(look: FirstLook, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((40, 40), np.uint8))
    assert _ask(look, path, (0, 0, 40, 40)) == {"whole": False}
    path.unlink()
    path.write_bytes(b"no image any more")
    assert "a.tif is a text file" in _ask(look, path, (0, 0, 40, 40), state=[2])["message"]


def test_what_is_wrong_comes_back_as_a_sentence(look: FirstLook, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    told = _ask(look, tmp_path / "a.png")
    assert told.keys() == {"message", "hint", "code"}
    assert told["message"] == "a.png is damaged and cannot be read: its header is missing."


def _masks(path: Path, content: Any, folder: Path) -> dict[str, str]:
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    told: dict[str, str] = json.loads(python_objects.answer(json.dumps({"path": str(path)}).encode(), folder))
    return told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"outlines": 1}, "it holds no masks of Cellpose"),
        ([1, 2], "it holds no masks of Cellpose"),
        ({"masks": np.zeros((4, 4), np.float32)}, "its masks are no image of whole numbers"),
        ({"masks": np.zeros(4, np.uint8)}, "its masks are no image of whole numbers"),
        ({"masks": [[1, 2]]}, "its masks are no image of whole numbers"),
    ],
)
def test_a_seg_file_without_masks_says_what_it_lacks(content: Any, said: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert _masks(tmp_path / "a_seg.npy", content, tmp_path / "out") == {"problem": said}
    assert list((tmp_path / "out").iterdir()) == []


def test_masks_come_out_as_a_plain_array(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    masks = np.arange(12, dtype=np.uint16).reshape(3, 4)
    assert _masks(tmp_path / "a_seg.npy", {"masks": masks, "filename": Path("/x/a.tif")}, tmp_path / "out") == {}
    found = np.load(tmp_path / "out" / "a_seg.npy", allow_pickle=False)
    assert np.array_equal(found, masks)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "masks",
    [
        np.arange(12, dtype=">u2").reshape(3, 4),
        np.asfortranarray(np.arange(24, dtype=np.int64).reshape(2, 3, 4)),
        np.arange(12, dtype=np.uint32).reshape(3, 4)[:, ::2],
        np.eye(3, dtype=bool),
        np.zeros((0, 5), np.uint8),
    ],
)
def test_masks_of_every_type_and_order_are_as_they_were(
    masks: np.ndarray[Any, Any], protocol: int, tmp_path: Path
) -> None:
    around = np.array({"masks": masks, "diameter": np.float64(30), "chan": [np.int64(1)]}, dtype=object)
    with (tmp_path / "a_seg.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(around, file, protocol)
    (tmp_path / "out").mkdir()
    told = json.loads(
        python_objects.answer(json.dumps({"path": str(tmp_path / "a_seg.npy")}).encode(), tmp_path / "out")
    )
    assert told == {}
    found = np.load(tmp_path / "out" / "a_seg.npy", allow_pickle=False)
    assert found.dtype == masks.dtype
    assert np.array_equal(found, masks)


def test_another_class_is_named_and_not_made(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    told = _masks(tmp_path / "a_seg.npy", {"masks": np.zeros((3, 3), np.uint8), "more": Exception()}, tmp_path / "out")
    assert told == {"foreign": "builtins.Exception"}


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00v\x00{" + bytes(200)])
def test_a_torn_seg_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a_seg.npy").write_bytes(content)
    told = json.loads(python_objects.answer(json.dumps({"path": str(tmp_path / "a_seg.npy")}).encode(), tmp_path))
    assert told == {"problem": "its content is broken or ends early"}


def test_a_seg_file_that_is_gone_is_told(tmp_path: Path) -> None:
    told = json.loads(python_objects.answer(json.dumps({"path": str(tmp_path / "a_seg.npy")}).encode(), tmp_path))
    assert told == {"problem": "No such file or directory"}
