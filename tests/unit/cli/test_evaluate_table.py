"""The table of ``segstudio evaluate``: each column says what it is."""

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import rectangle

from segstudio.cli.main import main
from segstudio.labels.box_image import rotated_boxes_around


def test_the_table_names_and_shows_the_figures_by_area(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, found = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    truth[:4, :5] = 1  # 20 pixels
    found[:4, :4] = 1  # 16 of them
    for folder, labels in (("truth", truth), ("found", found)):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", labels)
    assert main(["evaluate", str(tmp_path / "found"), str(tmp_path / "truth")]) == 0
    heads, row, *_ = capsys.readouterr().out.splitlines()
    assert heads.split("PQ")[1].split() == ["fg", "IoU", "mIoU", "PA", "MPA"]
    values = [float(word) for word in row.split()[-4:]]
    # Foreground 16/20; background 80/84; 96 of 100 pixels agree; 16/20 of the object and all of the background.
    assert values == pytest.approx([0.8, (0.8 + 80 / 84) / 2, 0.96, 0.9], abs=5e-4)


def test_a_second_table_shows_every_overlap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, found = np.zeros((10, 20), np.uint8), np.zeros((10, 20), np.uint8)
    truth[:4, :5], truth[:4, 10:15] = 1, 2
    found[:4, :5], found[:4, 10:13] = 1, 2  # IoU 1 and 0.6
    for folder, labels in (("truth", truth), ("found", found)):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", labels)
    assert main(["evaluate", str(tmp_path / "found"), str(tmp_path / "truth")]) == 0
    rows = [line.split() for line in capsys.readouterr().out.split("all, at IoU")[1].splitlines()]
    assert rows[0] == [f"{0.5 + 0.05 * step:.2f}" for step in range(10)] + ["mean"]
    figures = {row[0]: [float(word) for word in row[1:]] for row in rows[1:]}
    # At 0.60 and below both objects match; above it one of two does: one true, one false, one missed.
    assert figures["F1"] == [1.0] * 3 + [0.5] * 7 + [0.65]
    assert figures["AP"][:10] == [1.0] * 3 + [0.333] * 7


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes with names in folders")
def test_figures_go_into_a_pipe_and_do_not_replace_it(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 8), np.uint16))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()), daemon=True)
    reader.start()
    assert main(["evaluate", str(tmp_path), str(tmp_path), "--quiet", "--json", str(pipe)]) == 0
    reader.join(10)
    assert pipe.is_fifo()
    assert json.loads(received[0])["all"]


@pytest.mark.parametrize(
    "words", [["predict", "model", "image.png", "--out", ""], ["train", "", "--out=run"], ["train", "data", "--out="]]
)
def test_an_empty_argument_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "an argument is empty" in capsys.readouterr().err


def test_classes_are_compared_where_both_sides_name_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.zeros((10, 30), np.uint8)
    for number in (1, 2, 3):
        labels[2:8, 10 * number - 8 : 10 * number - 2] = number
    for folder in ("truth", "found"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", labels)
    rows = [{"id": n, "class": c, "source": "hand", "state": "accepted"} for n, c in ((1, 1), (2, 2), (3, 2))]
    truth = {"schema_version": 1, "next_id": 4, "objects": rows}
    (tmp_path / "truth" / "a.json").write_text(json.dumps(truth))
    found = {str(n): {"class_id": c, "score": 0.9} for n, c in ((1, 1), (2, 1), (3, 2))}
    (tmp_path / "found" / "a.json").write_text(json.dumps({"schema_version": 1, "objects": found}))
    words = ["evaluate", str(tmp_path / "found"), str(tmp_path / "truth"), "--json", str(tmp_path / "scores.json")]
    assert main(words) == 0
    assert "The class is right for 2 of 3 (66.7%)." in capsys.readouterr().out
    assert json.loads((tmp_path / "scores.json").read_text())["all"]["class_accuracy"] == pytest.approx(2 / 3)

    (tmp_path / "truth" / "a.json").write_text("[]")  # of another program
    assert main(words) == 0
    told = capsys.readouterr()
    assert "The class is right" not in told.out
    assert "is no table of objects" in told.err


def test_results_that_are_boxes_are_compared_as_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    true = np.eye(20, dtype=np.uint16)
    found = np.ones((20, 20), np.uint16)
    for name, labels in (("true", true), ("found", found)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", labels)
    f1 = {}
    for flags in ((), ("--boxes",)):
        assert main(["evaluate", str(tmp_path / "found"), str(tmp_path / "true"), "--json", "-", *flags]) == 0
        f1[flags] = json.loads(capsys.readouterr().out)["all"]["f1"]["0.95"]
    assert f1 == {(): 0.0, ("--boxes",): 1.0}


def test_results_that_are_rotated_boxes_are_compared_with_those_around_the_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rod = rectangle((60, 60), (30, 30), 40, 7, 30)
    # One half is thin: much of the box around it is not its own.
    rod[30:] &= rectangle((60, 60), (30, 30), 40, 3, 30)[30:]
    found = rotated_boxes_around(rod)
    for name, labels in (("true", rod), ("found", found)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", labels.astype(np.uint16))
    f1 = {}
    for flags in ((), ("--rotated-boxes",)):
        assert main(["evaluate", str(tmp_path / "found"), str(tmp_path / "true"), "--json", "-", *flags]) == 0
        f1[flags] = json.loads(capsys.readouterr().out)["all"]["f1"]["0.95"]
    assert f1 == {(): 0.0, ("--rotated-boxes",): 1.0}
    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path / "found"), str(tmp_path / "true"), "--boxes", "--rotated-boxes"])
