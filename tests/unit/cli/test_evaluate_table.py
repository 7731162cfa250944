"""The table of ``segstudio evaluate``: each column says what it is."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.cli.main import main


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
